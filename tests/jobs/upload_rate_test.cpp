#include "jobs/upload_rate.hpp"

#include <catch2/catch.hpp>

using alula::jobs::upload_rate;

namespace {

constexpr alula::jobs::time_ms minute = 60'000, an_hour = 3'600'000;
constexpr alula::jobs::time_ms begin = 500'000 * an_hour;

} // namespace

TEST_CASE("without limits every upload may be", "[systems]") {
  upload_rate rate{0, 0};
  for (int i = 0; i < 100; ++i)
    CHECK(rate.admit("a", begin) == 0);
}

TEST_CASE("a window that is used up says when the next begins", "[systems]") {
  upload_rate rate{2, 0};
  CHECK(rate.admit("a", begin + 15'000) == 0);
  CHECK(rate.admit("a", begin + 15'000) == 0);
  CHECK(rate.admit("a", begin + 15'000) == 45);
  CHECK(rate.admit("b", begin + 15'000) == 0);
  CHECK(rate.admit("a", begin + 59'999) == 1);
  CHECK(rate.admit("a", begin + minute) == 0);
}

TEST_CASE("what the minute refuses the hour does not count", "[systems]") {
  upload_rate rate{1, 2};
  CHECK(rate.admit("a", begin) == 0);
  for (int i = 0; i < 10; ++i)
    CHECK(rate.admit("a", begin) == 60);
  CHECK(rate.admit("a", begin + minute) == 0);
  CHECK(rate.admit("a", begin + 2 * minute) == 3'600 - 120);
  CHECK(rate.admit("a", begin + an_hour) == 0);
}
