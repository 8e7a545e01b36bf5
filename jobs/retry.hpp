/// Which failures are tried again, and when.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <chrono>

namespace alula::jobs {

/// How long ended jobs stay readable (AIP-151: about 30 days).
struct retention {
  std::chrono::milliseconds succeeded = std::chrono::hours{24 * 30};
  std::chrono::milliseconds failed = std::chrono::hours{24 * 90};
};

enum class error_class {
  transient, ///< may pass: counts as an attempt, backs off
  busy,      ///< a condition to wait for: no attempt used, backs off
  permanent, ///< will not pass by itself
};

error_class classify(fault_code code);

struct backoff {
  std::chrono::milliseconds base{2'000};
  std::chrono::milliseconds cap{3'600'000};
  std::chrono::milliseconds busy_cap{60'000}; ///< conditions end without notice
};

struct retry_decision {
  error_class cls;
  std::chrono::milliseconds delay;
};

/// Full jitter: uniform in [0, min(cap, base·2^tries)], at least 50 ms so that
/// a broken world is not hammered. `unit_random` is uniform in [0,1).
retry_decision draw_retry(const fault& why, int tries, const backoff& policy,
                          double unit_random);

} // namespace alula::jobs
