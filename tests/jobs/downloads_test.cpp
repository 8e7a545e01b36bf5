#include "jobs/downloads.hpp"

#include <catch2/catch.hpp>

using namespace alula::jobs;

namespace {
const auto first = *server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");
const auto second = *server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b12");
} // namespace

TEST_CASE("a server's pending downloads are cancelled, others go on",
          "[jobs]") {
  downloads pending;
  int cancelled_first = 0;
  int cancelled_second = 0;
  const auto one = pending.add(first, [&] { ++cancelled_first; });
  const auto two = pending.add(first, [&] { ++cancelled_first; });
  const auto three = pending.add(second, [&] { ++cancelled_second; });
  CHECK(pending.cancel_all(first) == 2);
  CHECK(cancelled_first == 2);
  CHECK(cancelled_second == 0);
}

TEST_CASE("a download that has ended is not cancelled", "[jobs]") {
  downloads pending;
  int cancelled = 0;
  {
    const auto ended = pending.add(first, [&] { ++cancelled; });
  }
  CHECK(pending.cancel_all(first) == 0);
  CHECK(cancelled == 0);
}

TEST_CASE("a download may end its registration while it is cancelled",
          "[jobs]") {
  downloads pending;
  downloads::registration registration;
  registration = pending.add(first, [&] { registration = {}; });
  CHECK(pending.cancel_all(first) == 1);
  CHECK(pending.cancel_all(first) == 0);
}
