/// One small thread that runs what is due, and sleeps while nothing is.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace alula::http {

class deadline_thread {
public:
  using time = std::chrono::steady_clock::time_point;

  /// `run` does what is due at the time it is given and says when it wants to
  /// be called again; nothing: only after the next wake().
  explicit deadline_thread(std::function<std::optional<time>(time now)> run);

  /// Waits for a `run` under way; must not be called from it.
  ~deadline_thread();

  deadline_thread(const deadline_thread&) = delete;
  deadline_thread& operator=(const deadline_thread&) = delete;

  /// Calls `run` soon: something is due earlier than it said. Any thread.
  void wake();

private:
  void loop();

  std::function<std::optional<time>(time)> run_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace alula::http
