#include "storage/system_rows.hpp"

#include "storage/row_reading.hpp"
#include "storage/system_sql.hpp"

#include <utility>

namespace alula::storage {

namespace {

jobs::system_record system_of(const rows& row) {
  return {.id = row.text(0),
          .organization = row.text(1),
          .name = row.text(2),
          .created_at = row.integer(3),
          .suspended_at = row.integer(4),
          .destroyed_at = row.integer(5)};
}

jobs::listed_system listed_of(const rows& row) {
  return {system_of(row), row.integer(6), row.integer(7), row.integer(8)};
}

jobs::system_backup_record backup_of(const rows& row) {
  return {.id = row.text(0),
          .system = row.text(1),
          .state = jobs::parse_system_backup_state(row.text(2))
                       .value_or(jobs::system_backup_state::uploading),
          .filename = row.text(3),
          .mimetype = row.text(4),
          .size = row.integer(5),
          .sha256 = row.text(6),
          .uploader = row.text(7),
          .uploaded_at = row.integer(8),
          .owner_job =
              jobs::job_id::parse(row.text(9)).value_or(jobs::job_id{})};
}

} // namespace

jobs::result<std::optional<jobs::system_record>>
read_system(database& db, std::string_view id) {
  return read_first(db.ask(system_sql("system_by_id"), id), system_of);
}

jobs::result<std::vector<jobs::listed_system>>
read_systems(database& db, std::string_view after, std::size_t limit) {
  return read_every(
      db.ask(system_sql("systems"), after, static_cast<std::int64_t>(limit)),
      listed_of);
}

jobs::result<std::optional<jobs::system_backup_record>>
read_system_backup(database& db, std::string_view id) {
  return read_first(db.ask(system_sql("system_backup_by_id"), id), backup_of);
}

jobs::result<std::vector<jobs::system_backup_record>>
read_system_backups(database& db, std::string_view system) {
  return read_every(db.ask(system_sql("backups_of_system"), system), backup_of);
}

jobs::result<std::vector<jobs::system_backup_record>>
read_system_uploads(database& db, std::size_t limit) {
  return read_every(
      db.ask(system_sql("system_uploads"), static_cast<std::int64_t>(limit)),
      backup_of);
}

} // namespace alula::storage
