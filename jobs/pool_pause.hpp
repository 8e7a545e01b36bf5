/// A pool of workers that was told to begin nothing.
#pragma once

#include "jobs/ids.hpp"

#include <string>
#include <string_view>

namespace alula::jobs {

/// It stands, over restarts too, until somebody resumes the pool.
struct pool_pause {
  std::string pool;
  time_ms since = 0;
  std::string reason;  ///< for people, at most 1,000 bytes; may be empty
  std::string by = {}; ///< who, at most 200 bytes; empty: not known
};

/// What a job says that waits for it: which pool, since when and why. By whom
/// is for those that may read the node, and a job is read by others.
std::string words_of(const pool_pause& pause);

/// The pool that these words of words_of are about; empty for any others. A
/// job keeps the words alone.
std::string_view paused_pool_in(std::string_view words);

/// Only with an amend. A pool that is paused stays as it is: since when and
/// why are those of the first. Tells "pool.paused" when it was not.
struct pause_pool {
  pool_pause what;
};

/// Only with an amend. Tells "pool.resumed" when the pool was paused.
struct resume_pool {
  std::string pool;
};

} // namespace alula::jobs
