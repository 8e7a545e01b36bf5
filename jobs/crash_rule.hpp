/// What is made of a server that has gone offline by itself (wings-protocol
/// 8.7): one pure function.
#pragma once

#include "jobs/ids.hpp"

#include <chrono>
#include <optional>

namespace alula::jobs {

/// How a server's process ended.
struct process_end {
  int exit_code = 0; ///< a container that is gone counts as 1
  bool out_of_memory = false;
};

struct crash_settings {
  bool enabled = true;
  bool clean_exit_is_crash = true;
  /// Two crashes within it: no start. Zero: always a start.
  std::chrono::milliseconds timeout{60'000};
};

enum class crash_verdict {
  clean_end, ///< it ended by itself, and may
  unwatched, ///< crashes of this server are nobody's business
  start,     ///< again
  too_soon,  ///< it has crashed a moment ago: left offline
};

/// `of_server`: the server's own say in whether it is watched.
/// `last_crash_at`: 0 for none.
crash_verdict judge_crash(const crash_settings& node,
                          std::optional<bool> of_server,
                          const process_end& ended, time_ms last_crash_at,
                          time_ms now);

} // namespace alula::jobs
