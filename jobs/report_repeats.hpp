/// Telling the Panel once more what it has refused, or was given up on.
#pragma once

#include "jobs/outbox.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>

namespace alula::jobs {

class report_repeats {
public:
  virtual ~report_repeats() = default;

  /// A dead report is told again: by a new one with the same words, at the end
  /// of its subject's line, which is the answer once it is on disk. Returns at
  /// once, from any thread; the callback comes exactly once and must not
  /// block. Faults: route_not_found (no such report), not_parked (it is not
  /// dead, or is told again already), rate_limited.
  virtual void repeat(std::int64_t row,
                      std::function<void(result<report>)> done) = 0;
};

} // namespace alula::jobs
