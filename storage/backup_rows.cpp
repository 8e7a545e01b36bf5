#include "storage/backup_rows.hpp"

#include "storage/backup_sql.hpp"
#include "storage/place_sql.hpp"
#include "storage/row_reading.hpp"

#include <nlohmann/json.hpp>

#include <limits>
#include <string>
#include <utility>

namespace alula::storage {

namespace {

template<class Id>
Id id_of(const rows& row, int column) {
  return Id::parse(row.text(column)).value_or(Id{});
}

/// As the statement writes them, sorted by name: the table is.
std::vector<jobs::backup_place> places_of(const std::string& text) {
  std::vector<jobs::backup_place> out;
  for (const auto& p : nlohmann::json::parse(text, nullptr, false))
    if (p.is_array() && p.size() == 7)
      out.push_back({p[0].get<std::string>(), p[1].get<std::string>(),
                     p[2].get<std::string>(), p[3].get<std::int64_t>(),
                     p[4].get<std::int64_t>(), p[5].get<std::int64_t>(),
                     p[6].get<std::int64_t>()});
  return out;
}

jobs::backup_record backup_of(const rows& row) {
  jobs::backup_record b;
  int c = 0;
  b.row = row.integer(c++);
  b.uuid = id_of<jobs::backup_id>(row, c++);
  b.server = id_of<jobs::server_id>(row, c++);
  // The schema admits no other words.
  b.state = jobs::parse_backup_state(row.text(c++)).value();
  b.owner_job = id_of<jobs::job_id>(row, c++);
  b.facts.size = row.integer(c++);
  b.facts.sha1 = row.text(c++);
  b.facts.sha256 = row.text(c++);
  b.facts.content_bytes = row.integer(c++);
  b.facts.files = row.integer(c++);
  b.has_manifest = row.integer(c++) != 0;
  b.pinned = row.integer(c++) != 0;
  b.created_at = row.integer(c++);
  b.completed_at = row.integer(c++);
  b.verified_at = row.integer(c++);
  b.damage = row.text(c++);
  b.lost_at = row.integer(c++);
  b.told_at = row.integer(c++);
  b.report = jobs::parse_report_state(row.text(c++));
  b.server_lives = row.integer(c++) != 0;
  b.is_local = row.integer(c++) != 0;
  b.is_scratch = row.integer(c++) != 0;
  b.places = places_of(row.text(c++));
  return b;
}

jobs::replaced_tree replaced_of(const rows& row) {
  jobs::replaced_tree r;
  int c = 0;
  r.replaced_by = id_of<jobs::job_id>(row, c++);
  r.server = id_of<jobs::server_id>(row, c++);
  r.server_row = row.integer(c++);
  r.name = row.text(c++);
  r.merged = row.integer(c++) != 0;
  r.claimed = row.integer(c++) != 0;
  r.replaced_at = row.integer(c++);
  r.keep_until = row.integer(c++);
  return r;
}

} // namespace

jobs::result<std::optional<jobs::backup_record>>
read_backup(database& db, const jobs::backup_id& uuid) {
  return read_first(db.ask(backup_sql("backup_by_uuid"), uuid.view()),
                    &backup_of);
}

jobs::result<jobs::backup_page> read_backups(database& db,
                                             const jobs::backup_filter& filter,
                                             std::int64_t before,
                                             std::size_t limit) {
  const auto below =
      before > 0 ? before : std::numeric_limits<std::int64_t>::max();
  const std::string state{filter.state ? to_string(*filter.state) : ""};
  // One more than asked for tells whether there is a next page.
  const auto most = static_cast<std::int64_t>(limit) + 1;
  auto found =
      !filter.server.empty()
          ? read_every(db.ask(backup_sql("backups_of_server"), below, most,
                              or_null{state}, filter.server.view()),
                       &backup_of)
          : read_every(db.ask(filter.orphaned ? backup_sql("orphaned_backups")
                                              : backup_sql("all_backups"),
                              below, most, or_null{state}),
                       &backup_of);
  if (!found)
    return std::move(found).error();
  jobs::backup_page page;
  // All backups of one uuid are orphans, or none is.
  if (filter.orphaned && !found->empty() && found->front().server_lives)
    return page;
  page.items = *std::move(found);
  if (page.items.size() > limit) {
    page.items.resize(limit);
    page.next_before = page.items.empty() ? 0 : page.items.back().row;
  }
  return page;
}

jobs::result<std::optional<jobs::replaced_tree>>
read_replaced(database& db, const jobs::job_id& replaced_by) {
  return read_first(db.ask(backup_sql("replaced_by"), replaced_by.view()),
                    &replaced_of);
}

jobs::result<std::vector<jobs::replaced_tree>>
read_due_replaced(database& db, jobs::time_ms now, std::size_t limit) {
  return read_every(
      db.ask(backup_sql("due_replaced"), now, static_cast<std::int64_t>(limit)),
      &replaced_of);
}

jobs::result<std::vector<jobs::backup_record>>
read_settled_scratch(database& db, std::size_t limit) {
  return read_every(
      db.ask(place_sql("settled_scratch"), static_cast<std::int64_t>(limit)),
      &backup_of);
}

jobs::result<std::vector<jobs::schedule_entry>> read_schedules(database& db) {
  return read_every(
      db.ask(backup_sql("schedules")), +[](const rows& row) {
        return jobs::schedule_entry{row.text(0), row.integer(1)};
      });
}

} // namespace alula::storage
