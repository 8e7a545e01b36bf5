/// What a job, or nobody, changes about backups, replaced trees and schedules.
/// Runs inside the transaction of the accept, save or amend the change came
/// with.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "storage/sqlite.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace alula::storage {

// A manifest may say anything; one odd file must not stop a whole scan.

/// Digits of another number than `length` are not known.
inline or_null known_digits(const std::string& digits, std::size_t length) {
  return {digits.size() == length ? std::string_view{digits} : ""};
}
inline or_null known_count(std::int64_t number) {
  return {std::max<std::int64_t>(number, 0)};
}

class backup_changes {
public:
  /// `job` is an empty record for an amend.
  backup_changes(database& on, const jobs::job_record& job, jobs::time_ms now)
    : on_(on), job_(job), now_(now) {}

  // Faults as jobs/changes.hpp says; internal: it makes no sense here.
  jobs::status change(const jobs::register_backup& what);
  jobs::status change(const jobs::publish_backup& what);
  jobs::status change(const jobs::discard_backup& what);
  jobs::status change(const jobs::record_found_backup& what);
  jobs::status change(const jobs::record_lost_backup& what);
  jobs::status change(const jobs::claim_backup& what);
  jobs::status change(const jobs::begin_backup_delete& what);
  jobs::status change(const jobs::forget_backup& what);
  jobs::status change(const jobs::record_verification& what);
  jobs::status change(const jobs::record_manifest& what);
  jobs::status change(const jobs::pin_backup& what);
  jobs::status change(const jobs::begin_restore&);
  jobs::status change(const jobs::end_restore&);
  jobs::status change(const jobs::keep_replaced& what);
  jobs::status change(const jobs::claim_replaced& what);
  jobs::status change(const jobs::release_replaced& what);
  jobs::status change(const jobs::forget_replaced& what);
  jobs::status change(const jobs::set_schedule& what);

  /// The job is about to end: a backup it was making never was, one it was
  /// deleting and a tree it had claimed are free for the next, and a server it
  /// was restoring is active again.
  jobs::status let_go();

  /// The job's server is gone: its replaced trees are due now.
  jobs::status expire_replaced();

  /// The job's server is different now.
  bool touched_server() const { return touched_server_; }

private:
  jobs::status fill(const jobs::backup_id& uuid,
                    const jobs::archive_facts& facts);

  database& on_;
  const jobs::job_record& job_;
  jobs::time_ms now_;
  bool touched_server_ = false;
};

} // namespace alula::storage
