#include "jobs/backup.hpp"

#include <algorithm>

namespace alula::jobs {

namespace {

constexpr std::string_view in_store = "store ";

} // namespace

const backup_place* backup_record::find_place(std::string_view name) const {
  const auto found = std::ranges::find(places, name, &backup_place::name);
  return found == places.end() ? nullptr : &*found;
}

const backup_place* backup_record::any_store() const {
  const auto found = std::ranges::find_if(
      places, [](const backup_place& p) { return p.name != panel_place; });
  return found == places.end() ? nullptr : &*found;
}

const backup_place* backup_record::best_store() const {
  const auto damaged = damaged_place();
  const auto found = std::ranges::find_if(places, [&](const backup_place& p) {
    return p.name != panel_place && p.name != damaged;
  });
  return found == places.end() ? any_store() : &*found;
}

bool backup_record::is_good_here() const {
  return is_local && lost_at == 0 && damaged_place() != local_place;
}

std::string_view backup_record::damaged_place() const {
  if (damage.empty())
    return {};
  if (!damage.starts_with(in_store))
    return local_place;
  // Older releases said "store S does not have the archive", too.
  const auto named = std::string_view{damage}.substr(in_store.size());
  return named.substr(0, named.find_first_of(": "));
}

bool backup_record::has_good_copy_besides(std::string_view place) const {
  const auto damaged = damaged_place();
  if (place != local_place && damaged != local_place && is_local
      && lost_at == 0)
    return true;
  return std::ranges::any_of(places, [&](const backup_place& p) {
    // The Panel has put the object together when it has taken the report.
    return p.name != place && p.name != damaged
           && (p.name != panel_place || told_at != 0);
  });
}

std::string damage_in_store(std::string_view store, std::string_view what) {
  std::string out{in_store};
  out += store;
  out += ": ";
  out += what;
  return out;
}

bool is_the_panels(const backup_record& b) {
  return b.find_place(panel_place) && !b.any_store()
         && (!b.is_local || b.is_scratch);
}

bool is_left_to_panel(const backup_record& b) {
  return b.state == backup_state::ready && b.told_at != 0 && !b.is_local
         && is_the_panels(b);
}

bool is_missed_by_panel(const backup_record& b) {
  return is_left_to_panel(b) && b.find_place(panel_place)->missed_at != 0;
}

bool is_readable(const backup_record& b) {
  return b.any_store() != nullptr || (b.is_local && b.lost_at == 0);
}

bool is_unread(const backup_record& b) {
  return b.state == backup_state::ready && b.facts.sha1.empty()
         && b.facts.sha256.empty() && b.places.empty();
}

bool is_outdated_by(const backup_record& b, const archive_file& file) {
  return is_unread(b)
         && (b.facts.size != file.size || b.completed_at != file.modified_at);
}

time_ms last_read_at(const backup_record& b) {
  return b.verified_at != 0 ? b.verified_at : b.completed_at;
}

std::string_view to_string(backup_state s) {
  switch (s) {
  case backup_state::creating:
    return "creating";
  case backup_state::ready:
    return "ready";
  case backup_state::deleting:
    return "deleting";
  }
  return "";
}

std::optional<backup_state> parse_backup_state(std::string_view text) {
  for (const auto state :
       {backup_state::creating, backup_state::ready, backup_state::deleting})
    if (text == to_string(state))
      return state;
  return std::nullopt;
}

} // namespace alula::jobs
