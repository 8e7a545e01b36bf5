/// How often a system may send a backup: two fixed windows, a minute and an
/// hour, as the systems backups API has them.
#pragma once

#include "jobs/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace alula::jobs {

/// Any thread. Remembers at most as many systems as have asked in the last
/// hour.
class upload_rate {
public:
  /// 0: no limit.
  upload_rate(std::int64_t per_minute, std::int64_t per_hour)
    : per_minute_(per_minute), per_hour_(per_hour) {}

  /// Counts one more; 0 when it may be, else the seconds until the window that
  /// is used up ends. What the minute refuses is not counted by the hour.
  std::int64_t admit(std::string_view system, time_ms now);

private:
  struct windows {
    std::int64_t minute = -1, hour = -1; ///< numbers since 1970
    std::int64_t in_minute = 0, in_hour = 0;
  };
  void forget_old(std::int64_t hour);

  const std::int64_t per_minute_, per_hour_;
  std::mutex mutex_;
  std::map<std::string, windows, std::less<>> seen_;
  std::int64_t swept_hour_ = -1;
};

} // namespace alula::jobs
