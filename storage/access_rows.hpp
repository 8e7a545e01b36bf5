/// Reads tokens and the audit.
#pragma once

#include "jobs/access_records.hpp"
#include "storage/sqlite.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace alula::storage {

jobs::result<std::vector<jobs::token_record>> read_tokens(database& db);

/// Strictly below `below`.
jobs::result<jobs::audit_page> read_audit(database& db,
                                          const jobs::audit_filter& filter,
                                          std::int64_t below,
                                          std::size_t limit);

} // namespace alula::storage
