#include "backup/rate_limit.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace alula::backup {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

nanoseconds rate_limit::take(std::uint64_t size, steady_clock::time_point now) {
  if (rate_ == 0)
    return nanoseconds{0};
  const auto cost = nanoseconds{static_cast<nanoseconds::rep>(
      static_cast<double>(size) * 1e9 / static_cast<double>(rate_))};
  level_at_ = std::max(level_at_, now - std::chrono::seconds{1}) + cost;
  return std::max(nanoseconds{0}, nanoseconds{level_at_ - now});
}

bool rate_limit::pass(std::uint64_t size, const std::stop_token& stop) {
  const auto delay = take(size, steady_clock::now());
  if (delay.count() == 0)
    return !stop.stop_requested();
  std::mutex mutex;
  std::unique_lock lock{mutex};
  std::condition_variable_any stopped;
  stopped.wait_for(lock, stop, delay, [] { return false; });
  return !stop.stop_requested();
}

} // namespace alula::backup
