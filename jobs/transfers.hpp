/// Uploads and downloads of jobs, as the ledger knows them: what a job needs to
/// go on where a crash left it.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/object_store.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace alula::jobs {

struct transfer_record {
  /// Where to or from: the name of a store, or one of the two below.
  std::string place;
  std::string key;                ///< in a store of ours
  std::string upload;             ///< its id there; may be empty for a Panel's
  std::vector<std::string> links; ///< secret: by part, or the one to download
  std::int64_t part_size = 0;
  std::int64_t size = 0;          ///< of all of it; 0: not known yet
  std::string etag;               ///< of what is downloaded
  time_ms expires_at = 0;         ///< of the links; 0: not known
  std::vector<object_part> parts; ///< that are through, in order
};

/// A multipart upload, or an object, in a store of ours that nobody needs and
/// that could not be removed when its job ended.
struct remote_remains {
  std::int64_t row = 0;
  std::string store;
  std::string key;
  std::string upload; ///< empty: the object
  time_ms left_at = 0;
};

/// Transfers are kept while a step runs: every method returns when the commit
/// is on disk. Called from worker threads. Faults journal_unavailable,
/// shutting_down.
class transfer_journal {
public:
  virtual ~transfer_journal() = default;
  /// Of that job; replaces what was kept of it, parts included.
  virtual status keep(const job_id& job, const transfer_record& what) = 0;
  /// One more part is through. Nothing happens when the transfer's upload is
  /// another one by now.
  virtual status keep_part(const job_id& job, const std::string& upload,
                           const object_part& part) = 0;
};

} // namespace alula::jobs
