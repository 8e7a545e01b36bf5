/// Tells who waits: subscribers of the event stream, pollers that hold a
/// request open, and once a second whoever watches progress.
///
/// Nothing of it happens on the thread that commits: callbacks of pollers and
/// of subscribers have threads of their own, so a subscriber that blocks holds
/// up neither the ledger nor a poller. A subscriber that owes more events than
/// its limit is cut off and told so; it resumes from its cursor.
#pragma once

#include "actors/alarm_clock.hpp"
#include "actors/answer_once.hpp"
#include "actors/job_board.hpp"
#include "actors/step_run.hpp"
#include "actors/task_threads.hpp"
#include "jobs/clock.hpp"
#include "jobs/engine.hpp"

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace alula::actors {

struct hub_limits {
  std::size_t subscriber_lag;
  std::size_t subscribers;
  std::size_t waiters;
};

/// Any thread may call any method.
class event_hub {
public:
  using keep_progress = std::function<void(std::int64_t, jobs::progress)>;

  /// `keep` is called at most once a second per job, on the alarm thread.
  event_hub(job_board& board, alarm_clock& alarms, const jobs::clock& clock,
            hub_limits limits, keep_progress keep);
  ~event_hub();

  /// On the ledger thread, after the board knows.
  void publish(const std::vector<jobs::event>& events,
               const std::vector<jobs::job_view_ptr>& changed);

  std::unique_ptr<jobs::subscription>
  subscribe(jobs::event_filter filter,
            std::function<void(const jobs::event_batch&)> sink);

  /// As jobs::engine::await, for a job on the board; `known` is its newest
  /// picture that the caller has.
  void await(jobs::job_view_ptr known, jobs::await_for what, std::string etag,
             std::chrono::milliseconds limit,
             answer_once<jobs::job_view_ptr> done);

  /// A worker has reported. Cheap.
  void moved(std::shared_ptr<progress_cell> cell);

  /// Runs on the thread that answers pollers.
  void answer_later(std::function<void()> task);

  /// Answers every waiter with what is known, delivers what is queued, joins.
  void stop();

private:
  class subscriber;
  class ticket;
  using subscriber_ptr = std::shared_ptr<subscriber>;
  struct waiter;

  void wake(const std::vector<jobs::job_view_ptr>& changed);
  void time_is_up(const jobs::job_id& job, std::uint64_t number);
  void sample();
  void offer(const std::vector<jobs::event>& events,
             const std::vector<jobs::job_view_ptr>& progress);
  void schedule(const subscriber_ptr& who);
  void deliver(const subscriber_ptr& who);
  void drop_closed(); ///< with subscribers_mutex_ held

  job_board& board_;
  alarm_clock& alarms_;
  const jobs::clock& clock_;
  const hub_limits limits_;
  const keep_progress keep_;

  std::mutex waiters_mutex_;
  std::unordered_map<jobs::job_id, std::vector<waiter>> waiters_;
  std::size_t waiting_ = 0;
  std::uint64_t next_waiter_ = 1;
  bool stopped_ = false;

  std::mutex subscribers_mutex_;
  std::vector<subscriber_ptr> subscribers_;

  std::mutex progress_mutex_;
  std::vector<std::shared_ptr<progress_cell>> moved_;
  bool sampling_ = false;
  jobs::time_ms sampled_at_ = -1'000'000;

  task_threads wakers_;
  task_threads deliverers_;
};

} // namespace alula::actors
