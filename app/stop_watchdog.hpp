/// The hard end of a stop: whatever hangs, the process is gone by then.
#pragma once

#include "app/stop_deadline.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace alula::app {

/// Calls `leave` on a thread of its own at that time, unless it is destroyed
/// before: then the stop has come to its end.
class stop_watchdog {
public:
  using clock = stop_deadline::clock;

  stop_watchdog(clock::time_point end, std::function<void()> leave)
    : thread_{
        [this, end, leave = std::move(leave)](const std::stop_token& stopped) {
          std::unique_lock lock{mutex_};
          changed_.wait_until(lock, stopped, end, [] { return false; });
          if (!stopped.stop_requested())
            leave();
        }} {}

private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_; // last: it uses all of the above
};

} // namespace alula::app
