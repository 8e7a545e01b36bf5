/// What the Panel is to be told, and what came of it. Runs inside the
/// transaction of the accept, save or amend the change came with.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "jobs/lifecycle.hpp"
#include "storage/sqlite.hpp"

#include <string_view>
#include <vector>

namespace alula::storage {

class outbox_changes {
public:
  /// `job` is an empty record for an amend.
  outbox_changes(database& on, const jobs::job_record& job, jobs::time_ms now,
                 bool tells_panel)
    : on_(on), job_(job), now_(now), tells_panel_(tells_panel) {}

  jobs::status change(const jobs::tell_panel& what);
  jobs::status change(const jobs::record_delivery& what);

  /// An event, and as much of its job as an event shows.
  struct news {
    jobs::job_record job;
    jobs::event_draft what;
  };
  const std::vector<news>& told() const { return told_; }

private:
  jobs::status end(const jobs::record_delivery& what);
  jobs::status drop_all(std::string_view subject);

  database& on_;
  const jobs::job_record& job_;
  jobs::time_ms now_;
  bool tells_panel_;
  std::vector<news> told_;
};

} // namespace alula::storage
