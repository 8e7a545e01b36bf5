/// Where the bytes of systems' backups lie: one directory, a file per backup,
/// named by its id. The adapter is backup/system_object_files.hpp, the fake
/// tests/doubles/fake_system_objects.hpp; both pass
/// tests/contracts/system_objects_contract.hpp.
#pragma once

#include "jobs/archives.hpp"
#include "jobs/body_pipe.hpp"
#include "jobs/descriptor.hpp"
#include "jobs/result.hpp"
#include "jobs/system_backup.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace alula::jobs {

/// Blocks; any thread, several at once for different ids. Faults: io_error,
/// insufficient_storage; validation for an id that is none.
class system_objects {
public:
  virtual ~system_objects() = default;

  struct written {
    std::int64_t size = 0;
    std::string sha256; ///< 64 lower-case hexadecimal digits
  };
  /// Gives the next bytes, at most as many as fit; 0 at the end.
  using piece_source = std::function<result<std::size_t>(std::span<char>)>;
  /// Writes all that `from` gives under a temporary name and makes it durable;
  /// replaces what an earlier try has left there. `tell` hears the bytes so
  /// far, at least once a MiB. A fault of `from` is passed on, and nothing is
  /// left then.
  virtual result<written>
  write(std::string_view id, const piece_source& from,
        const std::function<void(std::int64_t)>& tell) = 0;
  /// Temporary → final name, durably. Done already: success. Fault io_error
  /// when there is neither.
  virtual status publish(std::string_view id) = 0;
  /// Both names, durably. Missing is success.
  virtual status remove(std::string_view id) = 0;

  struct swept {
    std::int64_t parts = 0;   ///< that were removed
    std::int64_t unknown = 0; ///< published, and of no backup on record
  };
  using is_known_id = std::function<bool(std::string_view id)>;
  /// Removes the parts of backups that are not on record, durably; asks when it
  /// has seen the file. What is published is never removed by this, nor what is
  /// no backup: a ledger may be older than its disk.
  virtual result<swept> sweep(const is_known_id& is_known) = 0;

  struct open_object {
    descriptor file;
    std::int64_t size = 0;
    time_ms modified_at = 0;
  };
  /// A published one, for reading. Fault backup_not_found when it is missing.
  /// Open, it can be read to its end whoever removes it.
  virtual result<open_object> open(std::string_view id) = 0;

  /// Of the disk they are on; `free` is what may be promised.
  virtual result<disk_space> space() = 0;
  /// As archives::reserve and release, for the backups on their way.
  virtual status reserve(const job_id& job, std::int64_t bytes) = 0;
  virtual void release(const job_id& job) = 0;
};

/// What steps and the door need of systems. Owned by app/node; outlives the
/// engine and the door.
struct system_parts {
  system_objects& objects;
  incoming_bodies& bodies;
  system_limits limits = {};
};

} // namespace alula::jobs
