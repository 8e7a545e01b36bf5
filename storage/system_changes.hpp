/// What jobs change about systems and their backups. Runs inside the
/// transaction of the accept, save or amend the change came with.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "storage/sqlite.hpp"

#include <string_view>

namespace alula::storage {

class system_changes {
public:
  /// `job` is an empty record for an amend.
  system_changes(database& on, const jobs::job_record& job, jobs::time_ms now)
    : on_(on), job_(job), now_(now) {}

  jobs::status change(const jobs::put_system& what);
  jobs::status change(const jobs::begin_system_upload& what);
  jobs::status change(const jobs::store_system_backup& what);
  jobs::status change(const jobs::forget_system_upload& what);
  jobs::status change(const jobs::begin_system_backup_delete& what);
  jobs::status change(const jobs::forget_system_backup& what);
  jobs::status change(const jobs::begin_system_destroy& what);
  jobs::status change(const jobs::forget_system& what);

  /// The job is about to end: an upload that did not come through never was,
  /// unless it was given up with its files still there, and what it did not get
  /// to remove is stored again.
  jobs::status let_go();

private:
  jobs::status check_quota(const jobs::begin_system_upload& what,
                           std::string_view organization);
  jobs::status take_victims(std::string_view system,
                            const jobs::store_system_backup& what);

  database& on_;
  const jobs::job_record& job_;
  jobs::time_ms now_;
};

} // namespace alula::storage
