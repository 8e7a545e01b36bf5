/// All deadlines of the engine on one thread, which sleeps until the next one
/// and for ever when there is none.
#pragma once

#include "jobs/ids.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace alula::actors {

/// Any thread may call any method.
class alarm_clock {
public:
  using id = std::uint64_t; ///< 0 is never given

  /// `uptime` in milliseconds; empty: the steady clock.
  explicit alarm_clock(std::function<jobs::time_ms()> uptime);
  ~alarm_clock();

  /// Calls `ring` on the alarm thread once the delay is over; it must not
  /// block. After stop() nothing rings any more.
  id arm(std::chrono::milliseconds delay, std::function<void()> ring);

  /// The alarm may be ringing at this moment. Unknown ids are ignored.
  void disarm(id which);

  /// The clock has jumped: due alarms ring now. For tests that hold the clock.
  void look();

  jobs::time_ms uptime() const { return uptime_(); }

  /// Joins the thread and drops what is armed.
  void stop();

private:
  void run();

  const std::function<jobs::time_ms()> uptime_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::pair<jobs::time_ms, id>, std::function<void()>> armed_;
  std::unordered_map<id, jobs::time_ms> due_;
  id next_id_ = 1;
  bool stopping_ = false;
  std::thread thread_; // last: it uses all of the above
};

} // namespace alula::actors
