/// What is measured deep inside and shown at `/metrics`: one call where it
/// happens, as with the log, so that no port has to carry figures.
#pragma once

#include <functional>
#include <string_view>

namespace alula::jobs {

enum class measure {
  ledger_commit_seconds, ///< one group commit, with its fsync
  ledger_fsync_seconds,  ///< one fsync of the write-ahead log
  ledger_log_bytes,      ///< of the write-ahead log, after a commit
  docker_call_seconds,   ///< label: the method
  docker_failure, ///< 1 per call without an answer, or answered by a 5xx;
                  ///< label: the method
  step_retry,     ///< 1 per failed try that is not the last; label: "kind step"
  poll,           ///< 1 per job that was shown
  purged_entries, ///< removed by a purge since its last word
  purged_bytes,   ///< disk blocks that freed
  system_refusal, ///< 1 per upload of a system that was refused; label: why
};

using measure_sink =
    std::function<void(measure what, double value, std::string_view label)>;

/// Called on any thread, at any time; must not block or throw. Null: nobody
/// listens, which is the state of a process at first. The one before is not
/// called any more when this returns.
void set_measure_sink(measure_sink sink);

/// Any thread; cheap.
void observe(measure what, double value, std::string_view label = {});

} // namespace alula::jobs
