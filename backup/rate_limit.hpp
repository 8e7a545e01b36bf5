/// Bytes per second, as a bucket that holds one second's worth.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

namespace alula::backup {

/// Belongs to one thread.
class rate_limit {
public:
  /// `bytes_per_second` 0: no limit.
  explicit rate_limit(std::uint64_t bytes_per_second)
    : rate_(bytes_per_second) {}

  /// How long to wait before `size` more bytes may pass, counted as passed.
  std::chrono::nanoseconds take(std::uint64_t size,
                                std::chrono::steady_clock::time_point now);

  /// take() and the wait; returns early, false, when asked to stop.
  bool pass(std::uint64_t size, const std::stop_token& stop);

private:
  std::uint64_t rate_;
  /// When the bucket is level again; in the past it fills up to one second.
  std::chrono::steady_clock::time_point level_at_{};
};

} // namespace alula::backup
