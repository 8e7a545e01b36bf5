/// Time as a port, so that tests can hold it.
#pragma once

#include "jobs/ids.hpp"

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

} // namespace alula::jobs
