#include "jobs/rate_limit.hpp"

#include "jobs/rest.hpp"

#include <algorithm>
#include <utility>

namespace alula::jobs {

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
  return rest(delay, stop);
}

shared_rate::shared_rate(std::uint64_t bytes_per_second, now_function now,
                         rest_function how_to_rest)
  : now_(std::move(now)),
    rest_(how_to_rest ? std::move(how_to_rest) : rest_function{&rest}),
    limit_(bytes_per_second) {}

bool shared_rate::pass(std::uint64_t size, const std::stop_token& stop) {
  std::chrono::nanoseconds delay{0};
  {
    const std::scoped_lock lock{mutex_};
    delay = limit_.take(size, now_());
  }
  return rest_(delay, stop);
}

} // namespace alula::jobs
