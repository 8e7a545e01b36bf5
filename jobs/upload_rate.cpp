#include "jobs/upload_rate.hpp"

namespace alula::jobs {

std::int64_t upload_rate::admit(std::string_view system, time_ms now) {
  if (per_minute_ <= 0 && per_hour_ <= 0)
    return 0;
  constexpr std::int64_t minute_s = 60, hour_s = 3'600;
  const auto second = now / 1'000;
  const auto minute = second / minute_s, hour = second / hour_s;
  const std::scoped_lock lock{mutex_};
  forget_old(hour);
  auto found = seen_.find(system);
  if (found == seen_.end())
    found = seen_.emplace(std::string{system}, windows{}).first;
  auto& mine = found->second;
  if (mine.minute != minute) {
    mine.minute = minute;
    mine.in_minute = 0;
  }
  if (mine.hour != hour) {
    mine.hour = hour;
    mine.in_hour = 0;
  }
  if (++mine.in_minute > per_minute_ && per_minute_ > 0)
    return minute_s - second % minute_s;
  if (++mine.in_hour > per_hour_ && per_hour_ > 0)
    return hour_s - second % hour_s;
  return 0;
}

void upload_rate::forget_old(std::int64_t hour) {
  if (swept_hour_ == hour)
    return;
  swept_hour_ = hour;
  std::erase_if(seen_, [&](const auto& one) { return one.second.hour < hour; });
}

} // namespace alula::jobs
