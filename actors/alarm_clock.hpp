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

  using reading = std::function<jobs::time_ms()>;

  /// Both in milliseconds. `uptime` never jumps; empty: the steady clock.
  /// `calendar` may be set at any time; empty: the system clock.
  explicit alarm_clock(reading uptime, reading calendar = {});
  ~alarm_clock();

  /// Calls `ring` on the alarm thread once the delay is over; it must not
  /// block. After stop() nothing rings any more.
  id arm(std::chrono::milliseconds delay, std::function<void()> ring);

  /// The same, once uptime() has come to `when`: for a delay that was counted
  /// from a moment that has been read already.
  id arm_at_uptime(jobs::time_ms when, std::function<void()> ring);

  /// The same, once the calendar has come to `when`. A calendar that is set is
  /// noticed within a minute: while there are such alarms this one thread looks
  /// at the next of them so often, and wakes nobody.
  id arm_at(jobs::time_ms when, std::function<void()> ring);

  /// The alarm may be ringing at this moment. Unknown ids are ignored.
  void disarm(id which);

  /// The clock has jumped: due alarms ring now. For tests that hold the clock.
  void look();

  jobs::time_ms uptime() const { return uptime_(); }

  /// Joins the thread and drops what is armed.
  void stop();

private:
  using alarms = std::map<std::pair<jobs::time_ms, id>, std::function<void()>>;
  struct place {
    alarms* in;
    jobs::time_ms at;
  };

  void run();
  id put(alarms& in, jobs::time_ms at, std::function<void()> ring);
  std::function<void()> take_due(alarms& from, jobs::time_ms now);
  std::chrono::milliseconds left() const;

  const reading uptime_;
  const reading calendar_;
  std::mutex mutex_;
  std::condition_variable changed_;
  alarms by_uptime_;
  alarms by_calendar_;
  std::unordered_map<id, place> places_;
  id next_id_ = 1;
  bool stopping_ = false;
  std::thread thread_; // last: it uses all of the above
};

} // namespace alula::actors
