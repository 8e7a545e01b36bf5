/// The threads of one worker pool: the only place where a step blocks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace alula::actors {

/// The pool actor never hands out more tasks than there are free threads, so
/// nothing waits here. Any thread may call any method.
class worker_crew {
public:
  worker_crew(std::string name, std::size_t threads);
  /// Waits for the tasks that run.
  ~worker_crew();

  const std::string& name() const { return name_; }
  void run(std::function<void()> task);

  /// One more thread, in place of one that does not come back.
  void add_thread();
  /// It came back: the next thread that is idle ends.
  void remove_thread();

  std::size_t busy() const;
  /// False when tasks still run then.
  bool wait_idle(std::chrono::steady_clock::time_point until);
  /// Takes no more tasks; returns at once.
  void close();

private:
  void start_thread();
  void work(std::size_t place);

  const std::string name_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable idle_;
  std::deque<std::function<void()>> tasks_;
  std::size_t busy_ = 0;
  std::size_t surplus_ = 0;
  bool closed_ = false;
  std::vector<std::size_t> gone_; ///< places of threads that ended
  std::deque<std::jthread> threads_;
};

} // namespace alula::actors
