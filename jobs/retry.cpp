#include "jobs/retry.hpp"

#include <algorithm>

namespace alula::jobs {

error_class classify(fault_code code) {
  switch (code) {
  case fault_code::docker_unavailable:
  case fault_code::panel_unavailable:
  case fault_code::store_unavailable:
  case fault_code::container_busy: // dockerd is not done yet, hung or not
  case fault_code::insufficient_storage:
  case fault_code::rate_limited:
  case fault_code::backup_in_use:
  case fault_code::server_locked:
  case fault_code::starting:
  case fault_code::shutting_down:
    return error_class::busy;
  case fault_code::timed_out:
  case fault_code::io_error:
  case fault_code::interrupted:
  case fault_code::journal_unavailable:
  case fault_code::stuck:
    return error_class::transient;
  default:
    return error_class::permanent;
  }
}

retry_decision draw_retry(const fault& why, int tries, const backoff& policy,
                          double unit_random) {
  using std::chrono::milliseconds;
  const auto cls = classify(why.code);
  const auto cap = cls == error_class::busy ? policy.busy_cap : policy.cap;
  // 2^20 times any base is beyond every cap; more would overflow.
  const auto doublings = std::clamp(tries, 0, 20);
  const milliseconds ceiling =
      std::min(cap, milliseconds{policy.base.count()
                                 * (milliseconds::rep{1} << doublings)});
  const milliseconds drawn{static_cast<milliseconds::rep>(
      unit_random * static_cast<double>(ceiling.count()))};
  return {cls, std::max(drawn, milliseconds{50})};
}

} // namespace alula::jobs
