/// How lists of jobs are read: each filter by the indexes that leave the fewest
/// rows to look at, so that no page costs a walk through the history.
#pragma once

#include "jobs/ledger.hpp"
#include "storage/sql_table.hpp"
#include "storage/sqlite.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace alula::storage {

/// The `kind` of a filter: exact, or a range of names that a prefix begins.
struct kind_pattern {
  explicit kind_pattern(const std::string& kind);
  std::string exact, first, end; ///< empty: any
};

/// The statements that together find every job of the filter; the same job may
/// be found by two. None: no job can match it.
std::vector<const named_sql*> sources_of(const jobs::job_filter& filter);

/// Appends the newest jobs of the filter below that row, at most `limit`,
/// without their steps.
jobs::status read_jobs(database& db, const jobs::job_filter& filter,
                       std::int64_t below, std::size_t limit,
                       std::vector<jobs::job_record>& items);

} // namespace alula::storage
