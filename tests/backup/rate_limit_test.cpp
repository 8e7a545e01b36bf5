#include "backup/rate_limit.hpp"

#include <catch2/catch.hpp>

using alula::backup::rate_limit;
using namespace std::chrono_literals;

namespace {
const auto t0 = std::chrono::steady_clock::time_point{} + 1h;
} // namespace

TEST_CASE("without a limit nothing waits", "[rate_limit]") {
  rate_limit none{0};
  CHECK(none.take(1'000'000'000'000, t0) == 0s);
}

TEST_CASE("one second's worth passes at once, the rest at the rate",
          "[rate_limit]") {
  rate_limit limit{1000};
  CHECK(limit.take(1000, t0) == 0s);
  CHECK(limit.take(500, t0) == 500ms);
  CHECK(limit.take(500, t0) == 1s);
}

TEST_CASE("a pause fills the bucket, but never beyond a second",
          "[rate_limit]") {
  rate_limit limit{1000};
  CHECK(limit.take(2000, t0) == 1s);
  CHECK(limit.take(1000, t0 + 1h) == 0s);
  CHECK(limit.take(1000, t0 + 1h) == 1s);
}

TEST_CASE("a wait ends when asked to stop", "[rate_limit]") {
  rate_limit limit{1};
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(limit.pass(1'000'000, stop.get_token()));
}
