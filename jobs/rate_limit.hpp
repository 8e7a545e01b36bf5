/// Bytes per second, as a bucket that holds one second's worth.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>

namespace alula::jobs {

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

/// One rate for all who send at once: each waits behind those that came before,
/// so together they are no faster than one alone. Any thread.
class shared_rate {
public:
  using now_function = std::function<std::chrono::steady_clock::time_point()>;
  using rest_function =
      std::function<bool(std::chrono::nanoseconds, const std::stop_token&)>;

  /// How time is told and passed is for tests.
  explicit shared_rate(std::uint64_t bytes_per_second,
                       now_function now = std::chrono::steady_clock::now,
                       rest_function rest = {});

  /// What is passed at once: short enough for everybody to have a turn.
  static constexpr std::size_t turn = std::size_t{64} << 10; ///< bytes

  /// Waits until so many more bytes may pass; false when asked to stop first.
  bool pass(std::uint64_t size, const std::stop_token& stop);

private:
  const now_function now_;
  const rest_function rest_;
  std::mutex mutex_;
  rate_limit limit_;
};

} // namespace alula::jobs
