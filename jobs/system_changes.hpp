/// What a job, or nobody, may change about systems and their backups: a part of
/// jobs/changes.hpp.
#pragma once

#include "jobs/ids.hpp"

#include <cstdint>
#include <string>

namespace alula::jobs {

/// A system is on record, or is so with other facts. With an amend. Fault
/// system_not_found when it is being destroyed.
struct put_system {
  std::string id;
  std::string organization;
  std::string name;
  bool suspended = false;
};

/// Only with an accept: a backup in state `uploading`, owned by the job, whose
/// bytes count from now on. Faults: system_not_found (none of that id, or it is
/// being destroyed or suspended), quota_exceeded when its organisation would
/// have more than `most` bytes (0: no limit), backup_exists.
struct begin_system_upload {
  std::string id;
  std::string system;
  std::int64_t size = 0;
  std::string filename;
  std::string mimetype;
  std::string uploader;
  std::int64_t most = 0;
};

/// uploading → stored; and the oldest of its system's beyond `count` or `bytes`
/// stored → deleting, owned by the job, but neither this one nor the newest.
/// Fault system_not_found when the system is being destroyed.
struct store_system_backup {
  std::string id;
  std::int64_t size = 0;
  std::string sha256;
  std::int64_t count = 0;
  std::int64_t bytes = 0;
};

/// The row of an upload that was given up in the middle (`by`, which has ended)
/// goes, now that nothing of it is on the disk. Nothing happens unless it is
/// still `uploading` and of that job.
struct forget_system_upload {
  std::string id;
  job_id by;
};

/// stored → deleting, by this job. Nothing happens when there is no such row,
/// or it is another's already. Fault backup_in_use while it is uploading, and
/// system_not_found when its system is of another organisation than that which
/// is named: whoever asked for it has it no more.
struct begin_system_backup_delete {
  std::string id;
  std::string organization = {}; ///< empty: whosever it is
};

/// Gone, if it was this job's.
struct forget_system_backup {
  std::string id;
};

/// The system takes nothing new, and what it has stored is this job's to
/// remove. With the accept. Fault system_not_found, also when it is of another
/// organisation than that which is named.
struct begin_system_destroy {
  std::string system;
  std::string organization = {}; ///< empty: whosever it is
};

/// It is not on record any more. Fault backup_in_use while a backup of it is.
struct forget_system {
  std::string system;
};

} // namespace alula::jobs
