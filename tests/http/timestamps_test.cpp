#include "http/timestamps.hpp"

#include <catch2/catch.hpp>

using namespace alula::http;

TEST_CASE("a time is written in UTC with milliseconds", "[http]") {
  CHECK(to_rfc3339(0) == "1970-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(1'800'000'000'007) == "2027-01-15T08:00:00.007Z");
  CHECK(to_rfc3339(951'782'400'000) == "2000-02-29T00:00:00.000Z");
}

TEST_CASE("a time may be read in any offset and precision", "[http]") {
  const auto text = GENERATE(
      "1800000000250", "2027-01-15T08:00:00.250Z", "2027-01-15t08:00:00.25z",
      "2027-01-15T09:30:00.250999+01:30", "2027-01-15T09:30:00.250 01:30",
      "2027-01-15T03:00:00.250-05:00");
  CAPTURE(text);
  CHECK(parse_time(text) == 1'800'000'000'250);
}

TEST_CASE("what is no time is not read as one", "[http]") {
  const auto text = GENERATE(
      "", "-", "-5", "12x", "soon", "2027-01-15", "2027-01-15T08:00:00",
      "2027-02-29T08:00:00Z", "2027-13-01T08:00:00Z", "2027-01-15T24:00:00Z",
      "2027-01-15T08:60:00Z", "2027-01-15T08:00:60Z", "2027-01-15T08:00:00.Z",
      "2027-01-15T08:00:00Zx", "2027-01-15T08:00:00+1:00",
      "2027-01-15T08:00:00+24:00", "2027/01/15T08:00:00Z",
      "99999999999999999999");
  CAPTURE(text);
  CHECK_FALSE(parse_time(text));
}
