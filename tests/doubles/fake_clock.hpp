/// A clock that stands still until a test moves it. Any thread.
#pragma once

#include "jobs/clock.hpp"

#include <atomic>
#include <chrono>

namespace alula::doubles {

class fake_clock final : public jobs::clock {
public:
  explicit fake_clock(jobs::time_ms start = 1'800'000'000'000) : now_(start) {}

  jobs::time_ms now() const override { return now_; }
  void advance(std::chrono::milliseconds by) { now_ += by.count(); }

private:
  std::atomic<jobs::time_ms> now_;
};

} // namespace alula::doubles
