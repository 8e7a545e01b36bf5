/// The time while a step runs. For the sources of kinds only.
#pragma once

#include "jobs/kind.hpp"

#include <chrono>

namespace alula::jobs {

/// Goes on from the time that the step was told, on a clock that no test holds.
class step_clock {
public:
  explicit step_clock(const step_context& ctx) : began_(ctx.now) {}
  time_ms now() const {
    const auto passed = std::chrono::steady_clock::now() - since_;
    return began_
           + std::chrono::duration_cast<std::chrono::milliseconds>(passed)
                 .count();
  }

private:
  time_ms began_;
  std::chrono::steady_clock::time_point since_ =
      std::chrono::steady_clock::now();
};

} // namespace alula::jobs
