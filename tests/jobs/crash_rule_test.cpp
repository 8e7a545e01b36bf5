#include "jobs/crash_rule.hpp"

#include <catch2/catch.hpp>

using namespace alula::jobs;

namespace {

constexpr time_ms now = 1'000'000;

crash_verdict judged(crash_settings node, process_end ended, time_ms last = 0,
                     std::optional<bool> own = {}) {
  return judge_crash(node, own, ended, last, now);
}

} // namespace

TEST_CASE("a server that has crashed is started again", "[crash]") {
  CHECK(judged({}, {.exit_code = 1}) == crash_verdict::start);
  CHECK(judged({}, {.exit_code = 0}) == crash_verdict::start);
}

TEST_CASE("a second crash within the timeout is left alone", "[crash]") {
  CHECK(judged({}, {.exit_code = 1}, now - 59'999) == crash_verdict::too_soon);
  CHECK(judged({}, {.exit_code = 1}, now - 60'000) == crash_verdict::start);
  const crash_settings patient{.timeout = std::chrono::milliseconds{0}};
  CHECK(judged(patient, {.exit_code = 1}, now - 1) == crash_verdict::start);
}

TEST_CASE("a clean exit is a crash unless the node says otherwise", "[crash]") {
  const crash_settings lenient{.clean_exit_is_crash = false};
  CHECK(judged(lenient, {.exit_code = 0}) == crash_verdict::clean_end);
  CHECK(judged(lenient, {.exit_code = 0, .out_of_memory = true})
        == crash_verdict::start);
  CHECK(judged(lenient, {.exit_code = 3}) == crash_verdict::start);
}

TEST_CASE("a server's own word on crashes counts before the node's",
          "[crash]") {
  const crash_settings off{.enabled = false};
  CHECK(judged({}, {.exit_code = 1}, 0, false) == crash_verdict::unwatched);
  CHECK(judged(off, {.exit_code = 1}) == crash_verdict::unwatched);
  CHECK(judged(off, {.exit_code = 1}, 0, true) == crash_verdict::start);
}
