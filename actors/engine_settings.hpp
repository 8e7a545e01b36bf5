/// What an operator, or a test, may choose about the engine.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/retry.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>

namespace alula::actors {

struct engine_settings {
  /// Worker threads per pool. Every pool that a kind names must be here.
  /// Container work waits on dockerd, so many at once; purging is disk work,
  /// so one at a time (job-engine B.1).
  std::map<std::string, std::size_t> pools{{"lifecycle", 8}, {"purge", 1}};
  jobs::retention keep = {};
  jobs::backoff retry = {};
  /// A step that was asked to stop for stalling has this long to return before
  /// the job is shown as stuck and its worker is replaced.
  std::chrono::milliseconds stuck_grace{10'000};
  /// A job shows that it waits for a worker when it has for this long.
  std::chrono::milliseconds worker_patience{1'000};
  /// Longest time a container inspection may take before the caller is told.
  std::chrono::milliseconds inspect_limit{1'500};

  std::size_t readers = 2;            ///< threads for ledger queries
  std::size_t waiting_reads = 1'024;  ///< more are refused
  std::size_t ended_jobs = 4'096;     ///< ended jobs answered from memory
  std::size_t subscriber_lag = 1'024; ///< events a slow subscriber may owe
  std::size_t subscribers = 4'096;
  std::size_t waiters = 16'384; ///< long polls; more are answered at once

  /// Milliseconds that never jump. Tests bring their own and call
  /// actor_engine::look_at_clock. Empty: the steady clock.
  std::function<jobs::time_ms()> uptime = {};
  /// Uniform in [0,1), for backoff with jitter. Empty: a generator of ours.
  std::function<double()> random = {};
};

} // namespace alula::actors
