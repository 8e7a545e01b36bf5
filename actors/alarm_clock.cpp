#include "actors/alarm_clock.hpp"

#include "actors/task_threads.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace alula::actors {

namespace {

jobs::time_ms steady_milliseconds() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch())
      .count();
}

jobs::time_ms calendar_milliseconds() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch())
      .count();
}

void ring_safely(const std::function<void()>& ring) {
  try {
    ring();
  } catch (const std::exception& e) {
    jobs::log(jobs::log_level::error, "alarm-threw", {{"what", e.what()}});
  } catch (...) {
    jobs::log(jobs::log_level::error, "alarm-threw");
  }
}

} // namespace

alarm_clock::alarm_clock(reading uptime, reading calendar)
  : uptime_(uptime ? std::move(uptime) : steady_milliseconds),
    calendar_(calendar ? std::move(calendar) : calendar_milliseconds),
    thread_([this] { run(); }) {}

alarm_clock::~alarm_clock() {
  stop();
}

alarm_clock::id alarm_clock::arm(std::chrono::milliseconds delay,
                                 std::function<void()> ring) {
  const auto at =
      uptime_() + std::max<std::chrono::milliseconds::rep>(0, delay.count());
  return put(by_uptime_, at, std::move(ring));
}

alarm_clock::id alarm_clock::arm_at_uptime(jobs::time_ms when,
                                           std::function<void()> ring) {
  return put(by_uptime_, when, std::move(ring));
}

alarm_clock::id alarm_clock::arm_at(jobs::time_ms when,
                                    std::function<void()> ring) {
  return put(by_calendar_, when, std::move(ring));
}

alarm_clock::id alarm_clock::put(alarms& in, jobs::time_ms at,
                                 std::function<void()> ring) {
  const std::scoped_lock lock{mutex_};
  if (stopping_)
    return 0;
  const auto which = next_id_++;
  const auto made = in.emplace(std::pair{at, which}, std::move(ring));
  places_.emplace(which, place{&in, at});
  if (made.first == in.begin())
    changed_.notify_one();
  return which;
}

void alarm_clock::disarm(id which) {
  std::function<void()> dropped; // destroyed without the lock
  const std::scoped_lock lock{mutex_};
  const auto found = places_.find(which);
  if (found == places_.end())
    return;
  const auto armed = found->second.in->find({found->second.at, which});
  dropped = std::move(armed->second);
  found->second.in->erase(armed);
  places_.erase(found);
}

void alarm_clock::look() {
  {
    // Who has read the clock and does not sleep yet is waited for.
    const std::scoped_lock lock{mutex_};
  }
  changed_.notify_one();
}

void alarm_clock::stop() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable())
    thread_.join();
  alarms dropped, dropped_too;
  const std::scoped_lock lock{mutex_};
  dropped.swap(by_uptime_);
  dropped_too.swap(by_calendar_);
  places_.clear();
}

std::function<void()> alarm_clock::take_due(alarms& from, jobs::time_ms now) {
  const auto first = from.begin();
  if (first->first.first > now)
    return nullptr;
  auto ring = std::move(first->second);
  places_.erase(first->first.second);
  from.erase(first);
  return ring;
}

/// How long to sleep when nothing is due.
std::chrono::milliseconds alarm_clock::left() const {
  // A clock that tests hold may stand still while real time passes.
  constexpr std::chrono::milliseconds shortest{1};
  constexpr std::chrono::milliseconds a_minute{60'000}, a_day{86'400'000};
  auto left = by_calendar_.empty() ? a_day : a_minute;
  if (!by_uptime_.empty())
    left = std::min(left, std::chrono::milliseconds{
                              by_uptime_.begin()->first.first - uptime_()});
  if (!by_calendar_.empty())
    left = std::min(left, std::chrono::milliseconds{
                              by_calendar_.begin()->first.first - calendar_()});
  return std::max(left, shortest);
}

void alarm_clock::run() {
  name_this_thread("alula-alarm");
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    std::function<void()> ring;
    if (!by_uptime_.empty())
      ring = take_due(by_uptime_, uptime_());
    if (!ring && !by_calendar_.empty())
      ring = take_due(by_calendar_, calendar_());
    if (ring) {
      lock.unlock();
      ring_safely(ring);
      ring = nullptr;
      lock.lock();
    } else if (places_.empty()) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, left());
    }
  }
}

} // namespace alula::actors
