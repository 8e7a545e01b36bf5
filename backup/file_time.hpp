/// Times of files as nanoseconds since 1970.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <limits>

namespace alula::backup {

/// 64 bits hold 292 years either way; some file systems hold more, and who
/// writes the files may set any time. One beyond is the nearest that they hold.
inline std::int64_t nanoseconds_of(const timespec& at) {
  constexpr std::int64_t per_second = 1'000'000'000;
  constexpr auto most = std::numeric_limits<std::int64_t>::max() / per_second;
  const auto seconds = static_cast<std::int64_t>(at.tv_sec);
  if (seconds >= most || seconds < -most)
    return std::clamp(seconds, -most, most) * per_second;
  return seconds * per_second + at.tv_nsec;
}

} // namespace alula::backup
