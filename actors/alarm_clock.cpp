#include "actors/alarm_clock.hpp"

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

void ring_safely(const std::function<void()>& ring) {
  try {
    ring();
  } catch (const std::exception& e) {
    jobs::log(jobs::log_level::error, "alarm-threw", {{"what", e.what()}});
  }
}

} // namespace

alarm_clock::alarm_clock(std::function<jobs::time_ms()> uptime)
  : uptime_(uptime ? std::move(uptime) : steady_milliseconds),
    thread_([this] { run(); }) {}

alarm_clock::~alarm_clock() {
  stop();
}

alarm_clock::id alarm_clock::arm(std::chrono::milliseconds delay,
                                 std::function<void()> ring) {
  const auto at =
      uptime_() + std::max<std::chrono::milliseconds::rep>(0, delay.count());
  const std::scoped_lock lock{mutex_};
  if (stopping_)
    return 0;
  const auto which = next_id_++;
  const auto place = armed_.emplace(std::pair{at, which}, std::move(ring));
  due_.emplace(which, at);
  if (place.first == armed_.begin())
    changed_.notify_one();
  return which;
}

void alarm_clock::disarm(id which) {
  std::function<void()> dropped; // destroyed without the lock
  const std::scoped_lock lock{mutex_};
  const auto due = due_.find(which);
  if (due == due_.end())
    return;
  const auto place = armed_.find({due->second, which});
  dropped = std::move(place->second);
  armed_.erase(place);
  due_.erase(due);
}

void alarm_clock::look() {
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
  decltype(armed_) dropped;
  const std::scoped_lock lock{mutex_};
  dropped.swap(armed_);
  due_.clear();
}

void alarm_clock::run() {
  // A clock that tests hold may stand still while real time passes.
  constexpr std::chrono::milliseconds shortest_sleep{1};
  constexpr std::chrono::milliseconds longest_sleep{60'000};
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    if (armed_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto first = armed_.begin();
    const std::chrono::milliseconds left{first->first.first - uptime_()};
    if (left.count() > 0) {
      changed_.wait_for(lock, std::clamp(left, shortest_sleep, longest_sleep));
      continue;
    }
    auto ring = std::move(first->second);
    due_.erase(first->first.second);
    armed_.erase(first);
    lock.unlock();
    ring_safely(ring);
    ring = nullptr;
    lock.lock();
  }
}

} // namespace alula::actors
