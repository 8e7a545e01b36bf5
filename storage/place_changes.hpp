/// Where the archives of backups lie, and the transfers of jobs. Runs inside
/// the transaction of the accept, save or amend the change came with.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "storage/sqlite.hpp"

namespace alula::storage {

class place_changes {
public:
  /// `job` is an empty record for an amend.
  place_changes(database& on, const jobs::job_record& job, jobs::time_ms now)
    : on_(on), job_(job), now_(now) {}

  jobs::status change(const jobs::record_place& what);
  jobs::status change(const jobs::record_found_copy& what);
  jobs::status change(const jobs::forget_place& what);
  jobs::status change(const jobs::note_panel_word& what);
  jobs::status change(const jobs::set_local& what);
  jobs::status change(const jobs::keep_transfer& what);
  jobs::status change(const jobs::keep_transfer_part& what);
  jobs::status change(const jobs::leave_remains& what);
  jobs::status change(const jobs::forget_remains& what);

  /// The job is about to end: its transfer is of no use, its links are not
  /// kept. Of a job that was given up nothing was taken back: what it may have
  /// left in a store of ours goes on record.
  jobs::status let_go();

private:
  database& on_;
  const jobs::job_record& job_;
  jobs::time_ms now_;
};

} // namespace alula::storage
