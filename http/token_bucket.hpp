/// How much of something may happen: so many per second, and a store of unused
/// turns for bursts.
#pragma once

#include <algorithm>
#include <chrono>

namespace alula::http {

/// One thread at a time.
class token_bucket {
public:
  using time = std::chrono::steady_clock::time_point;

  token_bucket(double per_second, double burst, time now)
    : per_second_(per_second), burst_(burst), left_(burst), seen_(now) {}

  /// False when there is no turn left.
  bool take(time now) {
    refill(now);
    if (left_ < 1)
      return false;
    left_ -= 1;
    return true;
  }

  /// Nothing was taken for long enough to have the whole burst again.
  bool is_full(time now) {
    refill(now);
    return left_ >= burst_;
  }

private:
  void refill(time now) {
    if (now <= seen_)
      return;
    const std::chrono::duration<double> passed = now - seen_;
    seen_ = now;
    left_ = std::min(left_ + passed.count() * per_second_, burst_);
  }

  double per_second_;
  double burst_;
  double left_;
  time seen_;
};

} // namespace alula::http
