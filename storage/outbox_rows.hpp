/// Rows of the outbox as records.
#pragma once

#include "jobs/outbox.hpp"
#include "storage/sqlite.hpp"

#include <vector>

namespace alula::storage {

// One short read each; faults are those of storage/sqlite.hpp.

jobs::result<std::vector<jobs::report>>
read_due_reports(database& db, jobs::time_ms now, std::size_t limit);

jobs::result<std::vector<jobs::report>>
read_due_statuses(database& db, jobs::time_ms now, std::size_t limit);

jobs::result<std::vector<jobs::report>> read_statuses(database& db);

jobs::result<jobs::time_ms> read_next_report_at(database& db,
                                                jobs::time_ms after);

jobs::result<jobs::report_page> read_reports(database& db,
                                             jobs::report_group which,
                                             std::int64_t after,
                                             std::size_t limit);

jobs::result<jobs::outbox_figures> read_outbox_figures(database& db);

} // namespace alula::storage
