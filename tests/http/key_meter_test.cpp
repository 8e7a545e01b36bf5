#include "http/key_meter.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace alula::http;

namespace {

const key_meter::clock::time_point start{std::chrono::seconds{100}};

} // namespace

TEST_CASE("each key has its own turns and a store of them", "[http]") {
  key_meter meter{10, 20};
  for (int i = 0; i < 20; ++i)
    CHECK(meter.admits("token:1", start));
  CHECK_FALSE(meter.admits("token:1", start));
  CHECK(meter.admits("token:2", start));
  CHECK(meter.admits("token:1", start + std::chrono::milliseconds{100}));
  CHECK_FALSE(meter.admits("token:1", start + std::chrono::milliseconds{150}));
}

TEST_CASE("a meter that is off remembers nobody", "[http]") {
  key_meter meter{0, 0};
  for (int i = 0; i < 100; ++i)
    CHECK(meter.admits("token:1", start));
  CHECK(meter.is_off());
  CHECK(meter.known() == 0);
}

TEST_CASE("the meter knows a bounded number of keys", "[http]") {
  key_meter meter{1, 2};
  for (int i = 0; i < 10'000; ++i)
    meter.admits(std::to_string(i), start);
  CHECK(meter.known() <= 4'096);
  CHECK_FALSE(meter.admits("new", start));
  // Once they have rested, there is room again.
  CHECK(meter.admits("new", start + std::chrono::seconds{5}));
}
