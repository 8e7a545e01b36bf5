/// One run of one step: what the worker thread needs, what it leaves behind,
/// and how it is asked to stop.
#pragma once

#include "jobs/clock.hpp"
#include "jobs/kind.hpp"
#include "jobs/ports.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

namespace alula::actors {

/// How far a job is, written by its worker and sampled by the event hub.
class progress_cell {
public:
  progress_cell(jobs::job_id job, std::int64_t row) : job_(job), row_(row) {}

  const jobs::job_id& job() const { return job_; }
  std::int64_t row() const { return row_; }

  /// True when the cell was clean: the hub has to be told.
  bool put(jobs::progress p);
  /// The newest report, with a smoothed rate and a time, and clean again.
  jobs::progress take(jobs::time_ms now);

private:
  const jobs::job_id job_;
  const std::int64_t row_;
  std::mutex mutex_;
  jobs::progress newest_;
  bool dirty_ = false;
  std::int64_t sampled_done_ = 0;
  jobs::time_ms sampled_at_ = 0;
  double rate_ = 0;
};

enum class stop_cause { none, cancelled, shutdown, stalled };

/// Shared by the server actor and the worker.
class step_run {
public:
  step_run(jobs::job_record job, const jobs::step& step, bool undo,
           const jobs::ports& node);

  /// On the worker thread. Never throws: what the step throws becomes a fault.
  /// `report` is called from any thread of the step's.
  jobs::step_outcome perform(const jobs::clock& clock,
                             std::function<void(jobs::progress)> report);

  /// The first cause counts. Any thread.
  void ask_to_stop(stop_cause why);
  stop_cause cause() const { return cause_; }

  const jobs::job_record& job() const { return job_; }
  const jobs::step& step() const { return step_; }
  bool is_undo() const { return undo_; }

  /// Uptime; 0 until the worker has begun.
  std::atomic<jobs::time_ms> begun{0};
  std::atomic<jobs::time_ms> sign_of_life{0};

private:
  const jobs::job_record job_;
  const jobs::step& step_;
  const bool undo_;
  const jobs::ports& node_;
  std::stop_source stop_;
  std::atomic<stop_cause> cause_{stop_cause::none};
};

using step_run_ptr = std::shared_ptr<step_run>;

} // namespace alula::actors
