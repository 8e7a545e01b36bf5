#include "jobs/rest.hpp"

#include <catch2/catch.hpp>

#include <thread>

using namespace alula::jobs;
using namespace std::chrono_literals;

TEST_CASE("a rest lasts as long as it is asked to", "[rest]") {
  const auto begin = std::chrono::steady_clock::now();
  CHECK(rest(20ms, {}));
  CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
  CHECK(rest(0ms, {}));
  CHECK(rest(-1s, {}));
}

TEST_CASE("a rest ends when it is asked to stop", "[rest]") {
  std::stop_source stop;
  SECTION("before it begins") {
    stop.request_stop();
    CHECK_FALSE(rest(24h, stop.get_token()));
    CHECK_FALSE(rest(0ms, stop.get_token()));
  }
  SECTION("meanwhile") {
    const std::jthread other{[&] { stop.request_stop(); }};
    CHECK_FALSE(rest(24h, stop.get_token()));
  }
}
