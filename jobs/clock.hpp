/// Time as a port, so that tests can hold it.
#pragma once

#include "jobs/ids.hpp"

#include <string>

namespace alula::jobs {

class clock {
public:
  virtual ~clock() = default;
  /// Unix milliseconds. Any thread.
  virtual time_ms now() const = 0;
};

/// CLOCK_REALTIME.
class system_clock final : public clock {
public:
  time_ms now() const override;
};

/// RFC 3339: UTC with milliseconds, e.g. "2026-01-31T12:00:00.250Z".
std::string to_rfc3339(time_ms at);

} // namespace alula::jobs
