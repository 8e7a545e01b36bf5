#include "jobs/retry.hpp"

#include <catch2/catch.hpp>

using namespace alula::jobs;
using namespace std::chrono_literals;

namespace {
const backoff policy{.base = 2s, .cap = 1h, .busy_cap = 1min};
fault of(fault_code code) {
  return {.code = code, .what = "x"};
}
} // namespace

TEST_CASE("the delay is uniform below a ceiling that doubles", "[jobs]") {
  const auto why = of(fault_code::io_error);
  CHECK(draw_retry(why, 0, policy, 0.5).delay == 1s);
  CHECK(draw_retry(why, 1, policy, 0.5).delay == 2s);
  CHECK(draw_retry(why, 4, policy, 0.5).delay == 16s);
}

TEST_CASE("the delay never passes the cap, however many tries", "[jobs]") {
  const auto why = of(fault_code::io_error);
  CHECK(draw_retry(why, 1000, policy, 0.999).delay <= 1h);
  CHECK(draw_retry(why, 1000, policy, 0.999).delay > 59min);
}

TEST_CASE("the delay is never zero", "[jobs]") {
  CHECK(draw_retry(of(fault_code::io_error), 0, policy, 0.0).delay == 50ms);
}

TEST_CASE("a condition is looked at again within a minute", "[jobs]") {
  const auto drawn =
      draw_retry(of(fault_code::docker_unavailable), 50, policy, 0.999);
  CHECK(drawn.cls == error_class::busy);
  CHECK(drawn.delay <= 1min);
}

TEST_CASE("docker that hangs and docker that is not done yet are waited for",
          "[jobs]") {
  CHECK(classify(fault_code::docker_unavailable) == error_class::busy);
  CHECK(classify(fault_code::container_busy) == error_class::busy);
}

TEST_CASE("only what may pass by itself is tried again", "[jobs]") {
  CHECK(classify(fault_code::io_error) == error_class::transient);
  CHECK(classify(fault_code::insufficient_storage) == error_class::busy);
  CHECK(classify(fault_code::docker_refused) == error_class::permanent);
  CHECK(classify(fault_code::internal) == error_class::permanent);
  CHECK(classify(fault_code::server_exists) == error_class::permanent);
}
