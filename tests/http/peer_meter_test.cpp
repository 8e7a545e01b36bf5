#include "http/peer_meter.hpp"

#include <catch2/catch.hpp>

using namespace alula::http;

namespace {

const peer_meter::clock::time_point start{std::chrono::seconds{100}};

} // namespace

TEST_CASE("each peer has its own turns", "[http]") {
  peer_meter meter{10, 5};
  for (int i = 0; i < 5; ++i)
    CHECK(meter.admits("10.0.0.1", start));
  CHECK_FALSE(meter.admits("10.0.0.1", start));
  CHECK(meter.admits("10.0.0.2", start));
  CHECK(meter.admits("10.0.0.1", start + std::chrono::milliseconds{100}));
  CHECK_FALSE(meter.admits("10.0.0.1", start + std::chrono::milliseconds{110}));
}

TEST_CASE("loopback is not metered", "[http]") {
  peer_meter meter{1, 1};
  for (int i = 0; i < 100; ++i) {
    CHECK(meter.admits("127.0.0.1", start));
    CHECK(meter.admits("::1", start));
    CHECK(meter.admits("::ffff:127.0.0.1", start));
  }
  CHECK(meter.known() == 0);
}

TEST_CASE("zero switches the meter off", "[http]") {
  peer_meter meter{0, 0};
  for (int i = 0; i < 100; ++i)
    CHECK(meter.admits("10.0.0.1", start));
}

TEST_CASE("the meter knows a bounded number of peers", "[http]") {
  peer_meter meter{1, 2};
  for (int i = 0; i < 10'000; ++i)
    meter.admits("10." + std::to_string(i), start);
  CHECK(meter.known() <= 4'096);
  CHECK_FALSE(meter.admits("11.0.0.1", start));
  // Once they have rested, there is room again.
  CHECK(meter.admits("11.0.0.1", start + std::chrono::seconds{5}));
}
