/// What waits for the ledger's thread: calls in order, and the newest progress
/// of each job.
#pragma once

#include "storage/group_commit.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

namespace alula::storage {

class call_queue {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit call_queue(std::chrono::milliseconds progress_interval)
    : progress_interval_(progress_interval) {}

  enum class answer { queued, full, closed };
  /// Any thread. `limit` is how many may wait before this one; the call is
  /// only taken when it is queued.
  answer push(std::unique_ptr<ledger_call>& call, std::size_t limit);
  /// Any thread. Written `progress_interval` after the first word of a job,
  /// together with what else is written then.
  void push_progress(std::int64_t job_row, jobs::progress what);

  struct batch {
    ledger_calls calls;
    progress_by_job progress;
    bool closed = false;
    bool empty() const { return calls.empty() && progress.empty(); }
  };
  /// The ledger's thread. At most `most` calls; waits for one until `until`,
  /// until some progress is due, or until the queue is closed.
  batch take(std::size_t most, time_point until);

  enum class leftover { wanted, dropped };
  /// Any thread. Nothing can be pushed from here on; what waits is still taken,
  /// or dropped.
  void close(leftover calls);

private:
  bool is_due(time_point now) const;
  progress_by_job take_progress(time_point now);

  struct pending_progress {
    jobs::progress newest;
    time_point due;
  };

  const std::chrono::milliseconds progress_interval_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<ledger_call>> calls_;
  std::map<std::int64_t, pending_progress> progress_;
  time_point next_progress_ = time_point::max();
  bool closed_ = false;
};

} // namespace alula::storage
