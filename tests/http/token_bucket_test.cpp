#include "http/token_bucket.hpp"

#include <catch2/catch.hpp>

using namespace alula::http;
using namespace std::chrono_literals;

namespace {
constexpr token_bucket::time start{1h};
}

TEST_CASE("a bucket gives its burst, then its rate", "[http]") {
  token_bucket turns{10, 3, start};
  CHECK(turns.take(start));
  CHECK(turns.take(start));
  CHECK(turns.take(start));
  CHECK_FALSE(turns.take(start));
  CHECK_FALSE(turns.take(start + 99ms));
  CHECK(turns.take(start + 100ms));
  CHECK_FALSE(turns.take(start + 100ms));
}

TEST_CASE("a bucket saves no more than its burst", "[http]") {
  token_bucket turns{10, 3, start};
  for (int i = 0; i < 3; ++i)
    CHECK(turns.take(start + 1h));
  CHECK_FALSE(turns.take(start + 1h));
}

TEST_CASE("a bucket says when it is full again", "[http]") {
  token_bucket turns{10, 3, start};
  CHECK(turns.is_full(start));
  CHECK(turns.take(start));
  CHECK_FALSE(turns.is_full(start + 50ms));
  CHECK(turns.is_full(start + 100ms));
}

TEST_CASE("a bucket takes no turns back when time stands or falls", "[http]") {
  token_bucket turns{10, 3, start};
  CHECK(turns.take(start + 1s));
  CHECK(turns.take(start + 1s));
  CHECK(turns.take(start));
  CHECK_FALSE(turns.take(start + 1s));
}
