/// A few threads with one queue, for small work that may block a little:
/// queries, wake-ups of pollers, deliveries to subscribers.
#pragma once

#include "jobs/log.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace alula::actors {

/// Any thread may call any method.
class task_threads {
public:
  /// `name` is shown by top(1), at most 15 characters. `limit` bounds the
  /// queue; 0 when the callers bound it themselves.
  task_threads(std::string name, std::size_t threads, std::size_t limit);
  ~task_threads();

  /// False when the queue is full or stop() was called; the task is dropped.
  /// Lines of the task have the fields of `whose`.
  bool run(std::function<void()> task,
           std::optional<jobs::log_context> whose = {});

  /// Runs what is queued, joins. Later tasks are dropped.
  void stop();

private:
  struct queued {
    std::function<void()> task;
    std::optional<jobs::log_context> whose;
  };
  void work();

  const std::string name_;
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<queued> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_; // last: they use all of the above
};

/// Names the calling thread for top(1) and debuggers.
void name_this_thread(const std::string& name);

} // namespace alula::actors
