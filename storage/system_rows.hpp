/// Rows of systems and their backups as records.
#pragma once

#include "jobs/system_backup.hpp"
#include "storage/sqlite.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace alula::storage {

jobs::result<std::optional<jobs::system_record>>
read_system(database& db, std::string_view id);

jobs::result<std::vector<jobs::listed_system>>
read_systems(database& db, std::string_view after, std::size_t limit);

jobs::result<std::optional<jobs::system_backup_record>>
read_system_backup(database& db, std::string_view id);

jobs::result<std::vector<jobs::system_backup_record>>
read_system_backups(database& db, std::string_view system);

jobs::result<std::vector<jobs::system_backup_record>>
read_system_uploads(database& db, std::size_t limit);

} // namespace alula::storage
