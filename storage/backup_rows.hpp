/// Rows of backups, replaced trees and schedules as records.
#pragma once

#include "jobs/backup.hpp"
#include "storage/sqlite.hpp"

#include <vector>

namespace alula::storage {

// One short read each; faults are those of storage/sqlite.hpp.

jobs::result<std::optional<jobs::backup_record>>
read_backup(database& db, const jobs::backup_id& uuid);

jobs::result<jobs::backup_page> read_backups(database& db,
                                             const jobs::backup_filter& filter,
                                             std::int64_t before,
                                             std::size_t limit);

jobs::result<std::optional<jobs::replaced_tree>>
read_replaced(database& db, const jobs::job_id& replaced_by);

jobs::result<std::vector<jobs::replaced_tree>>
read_due_replaced(database& db, jobs::time_ms now, std::size_t limit);

jobs::result<std::vector<jobs::backup_record>>
read_settled_scratch(database& db, std::size_t limit);

jobs::result<std::vector<jobs::schedule_entry>> read_schedules(database& db);

} // namespace alula::storage
