/// Rows of transfers and remains as records.
#pragma once

#include "jobs/transfers.hpp"
#include "storage/sqlite.hpp"

#include <optional>
#include <vector>

namespace alula::storage {

jobs::result<std::optional<jobs::transfer_record>>
read_transfer(database& db, const jobs::job_id& job);

jobs::result<std::vector<jobs::remote_remains>> read_remains(database& db,
                                                             std::size_t limit);

} // namespace alula::storage
