/// Pools that are paused and resumed. Runs inside the transaction of the amend
/// the change came with.
#pragma once

#include "jobs/lifecycle.hpp"
#include "jobs/pool_pause.hpp"
#include "storage/sqlite.hpp"

#include <vector>

namespace alula::storage {

class pool_changes {
public:
  explicit pool_changes(database& on) : on_(on) {}

  jobs::status change(const jobs::pause_pool& what);
  jobs::status change(const jobs::resume_pool& what);

  /// Events, of no job.
  const std::vector<jobs::event_draft>& told() const { return told_; }

private:
  database& on_;
  std::vector<jobs::event_draft> told_;
};

} // namespace alula::storage
