#include "actors/chores.hpp"
#include "jobs/log.hpp"
#include "jobs/retry.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

// What chores do about other places: a look through them, copies to a store,
// scratch that is not needed any more, what jobs have left in stores, and what
// the Panel has deleted in its own.
namespace alula::actors {

namespace {

/// A store that was away is asked again.
constexpr std::chrono::hours remains_looked_at_every{1};
/// A copy that another job stood in the way of is asked for again.
constexpr std::chrono::minutes refused_copies_asked_every{1};
constexpr jobs::time_ms a_day = 86'400'000;

/// The backup that the last part of an object's key names.
std::string backup_in(const std::string& key) {
  const auto slash = key.rfind('/');
  auto name = key.substr(slash == std::string::npos ? 0 : slash + 1);
  name.resize(std::min<std::size_t>(name.size(), 36));
  return jobs::backup_id::parse(name) ? name : std::string{};
}

} // namespace

/// Nothing is kept of it: a crash may come before, and a list of a store that
/// has nothing new costs little.
void chores::scan_stores() {
  if (settings_.stores.empty())
    return;
  const auto any = queries_.list_backups({}, 0, 1);
  if (!any)
    return again("stores", read_again_after, [this] { scan_stores(); });
  if (any->items.empty())
    for (const auto& store : settings_.stores)
      submit("store.scan", {}, R"({"store":")" + store + R"("})");
}

bool chores::is_wanted_in_store(const jobs::backup_record& b) const {
  return !settings_.copy_to.empty() && b.is_local && b.lost_at == 0
         && b.damage.empty() && b.server_lives
         && !b.find_place(settings_.copy_to);
}

/// `all`: not only among the newest. So many at once; the end of one asks for
/// the next.
void chores::copy_out(bool all) {
  if (settings_.copy_to.empty())
    return;
  all = take_up_refused_copies() || all
        || std::exchange(has_more_to_copy_, false);
  std::size_t asked = 0;
  for (std::int64_t before = 0;;) {
    const auto page = queries_.list_backups(
        {.state = jobs::backup_state::ready}, before, page_size);
    if (!page)
      return again("copies", read_again_after, [this] { copy_out(true); });
    for (const auto& b : page->items) {
      if (!is_wanted_in_store(b) || copied_.contains(b.uuid))
        continue;
      if (asked == removals_at_once) {
        has_more_to_copy_ = true;
        return;
      }
      ++asked;
      submit_copy(b);
    }
    before = page->next_before;
    if (!all || before == 0)
      return;
  }
}

/// The Panel may hear of a backup before the job that has made it is over,
/// which holds it until then.
void chores::submit_copy(const jobs::backup_record& b) {
  copied_.insert(b.uuid);
  {
    const std::scoped_lock lock{refused_->mutex};
    ++refused_->unanswered;
  }
  engine_.submit({.kind = "backup.copy",
                  .server = b.server,
                  .body = R"({"backup":")" + b.uuid.to_string() + R"(","to":")"
                          + settings_.copy_to + R"("})"},
                 [refused = refused_, uuid = b.uuid](const auto& ticket) {
                   const std::scoped_lock lock{refused->mutex};
                   --refused->unanswered;
                   if (ticket)
                     return;
                   log_refused("backup.copy", ticket.error());
                   if (jobs::classify(ticket.error().code)
                       == jobs::error_class::busy)
                     refused->all.insert(uuid);
                 });
  ask_refused_copies_again();
}

/// As long as an answer is awaited: one that comes later than the next look
/// counts at the one after it.
void chores::ask_refused_copies_again() {
  again("refused copies", refused_copies_asked_every, [this] {
    if (take_up_refused_copies())
      copy_out(true);
    if (are_copies_unanswered())
      ask_refused_copies_again();
  });
}

/// Whether there are any; they were not asked for then.
bool chores::take_up_refused_copies() {
  const std::scoped_lock lock{refused_->mutex};
  for (const auto& uuid : refused_->all)
    copied_.erase(uuid);
  return !std::exchange(refused_->all, {}).empty();
}

/// Refused counts as unanswered until it is taken up.
bool chores::are_copies_unanswered() const {
  const std::scoped_lock lock{refused_->mutex};
  return refused_->unanswered > 0 || !refused_->all.empty();
}

void chores::settle() {
  const auto scratch = queries_.list_settled_scratch(removals_at_once);
  if (!scratch)
    again("scratch", read_again_after, [this] { settle(); });
  else
    for (const auto& b : *scratch)
      if (!kept_scratch_.contains(b.uuid)
          && (!is_wanted_in_store(b) || b.completed_at <= clock_.now() - a_day))
        submit("backup.drop_copy",
               b.server_lives ? b.server : jobs::server_id{},
               R"({"backup":")" + b.uuid.to_string() + R"(","place":"local"})");
  clean_stores(newest_remains_ + 1);
}

/// A store that is away, or has lost it, is not asked about it with whatever
/// settles next.
void chores::keep_scratch(const jobs::job_id& of_failed) {
  const auto job = queries_.find_job(of_failed);
  if (!job || !*job)
    return;
  const auto asked = nlohmann::json::parse((*job)->input);
  if (asked.at("place") == jobs::local_place)
    if (const auto uuid =
            jobs::backup_id::parse(asked.at("backup").get<std::string>()))
      kept_scratch_.insert(*uuid);
}

/// What was left before is asked for every hour only: its store is away, and
/// this comes with every report that the Panel takes.
void chores::clean_stores(std::int64_t from) {
  const auto remains = queries_.list_remains(removals_at_once);
  if (!asks_again_ && (!remains || !remains->empty())) {
    asks_again_ = true;
    alarms_.arm(remains_looked_at_every, [this] {
      later([this] {
        asks_again_ = false;
        clean_stores(0);
      });
    });
  }
  if (!remains)
    return;
  for (const auto& left : *remains) {
    newest_remains_ = std::max(newest_remains_, left.row);
    if (left.row >= from)
      submit("store.clean", {},
             R"({"row":)" + std::to_string(left.row) + R"(,"backup":")"
                 + backup_in(left.key) + R"("})");
  }
}

void chores::ask_panel() {
  for (std::int64_t before = 0;;) {
    const auto page = queries_.list_backups(
        {.state = jobs::backup_state::ready}, before, page_size);
    if (!page)
      return again("panel", read_again_after, [this] { ask_panel(); });
    if (std::ranges::any_of(page->items, jobs::is_left_to_panel))
      return submit("backup.ask_panel", {}, "");
    before = page->next_before;
    if (before == 0)
      return;
  }
}

/// Who restores from one now, say, keeps its record: the next round tells of it
/// again.
void chores::forget_gone(const jobs::job_id& asked) {
  const auto job = queries_.find_job(asked);
  if (!job || !*job)
    return;
  const auto told = nlohmann::json::parse((*job)->result, nullptr, false);
  if (!told.is_object())
    return;
  for (const auto& each : told.value("gone", nlohmann::json::array())) {
    const auto uuid = jobs::backup_id::parse(each.get<std::string>());
    const auto known = uuid ? queries_.find_backup(*uuid)
                            : std::optional<jobs::backup_record>{};
    if (!known || !*known || !jobs::is_missed_by_panel(**known))
      continue;
    const auto& b = **known;
    jobs::log(
        jobs::log_level::warning, "backup-gone-from-panel",
        {{"backup", b.uuid.to_string()}, {"server", b.server.to_string()}});
    submit("backup.delete", b.server_lives ? b.server : jobs::server_id{},
           R"({"backup":")" + b.uuid.to_string() + R"("})");
  }
}

} // namespace alula::actors
