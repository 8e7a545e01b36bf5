#include "jobs/clock.hpp"

#include <chrono>

namespace alula::jobs {

time_ms system_clock::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

} // namespace alula::jobs
