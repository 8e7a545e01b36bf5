#include "backup/archive_account.hpp"

#include "backup/entry_checks.hpp"
#include "backup/report_pace.hpp"

#include <utility>

namespace alula::backup {

bool archive_account::has_room_for(const archive_entry& entry) {
  const auto& limits = settings_.limits;
  if (entries_ >= static_cast<std::uint64_t>(limits.entries)) {
    note(entry.path, "more than " + std::to_string(limits.entries)
                         + " files cannot be restored; left out");
    return false;
  }
  if (entry.type == entry_type::link) {
    const auto cost = cost_in_memory(entry.path) + entry.target.size();
    if (links_size_ + cost > static_cast<std::uint64_t>(limits.links)) {
      note(entry.path, "so many links cannot be restored; left out");
      return false;
    }
    links_size_ += cost;
  }
  ++entries_;
  return true;
}

void archive_account::note(std::string_view path, std::string what) {
  ++summary_.noted;
  if (summary_.notes.size() < settings_.max_notes)
    summary_.notes.push_back({std::string{path}, std::move(what)});
}

void archive_account::count_bytes(std::size_t size) {
  summary_.total.bytes += size;
  tell();
}

void archive_account::count_file() {
  if (++summary_.total.files % files_between_reports == 0)
    tell();
}

void archive_account::tell() const {
  if (settings_.tell)
    settings_.tell(summary_.total);
}

archive_summary archive_account::close(pipeline_result stream) {
  summary_.stream = std::move(stream);
  return std::move(summary_);
}

} // namespace alula::backup
