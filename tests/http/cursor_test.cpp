#include "http/cursor.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <string>

using alula::http::cursor_seal;

TEST_CASE("a cursor opens to what it was made of", "[http]") {
  const cursor_seal seal{"secret"};
  const auto row = GENERATE(std::int64_t{1}, std::int64_t{1} << 40,
                            std::numeric_limits<std::int64_t>::max());
  const auto cursor = seal.make(row, "v1|kind=backup.*");
  CHECK(cursor.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                                 "tuvwxyz0123456789-_")
        == std::string::npos);
  CHECK(seal.open(cursor, "v1|kind=backup.*") == row);
}

TEST_CASE("a cursor outlives a restart with the same secret", "[http]") {
  const auto cursor = cursor_seal{"secret"}.make(7, "f");
  CHECK(cursor_seal{"secret"}.open(cursor, "f") == 7);
  CHECK_FALSE(cursor_seal{"another"}.open(cursor, "f"));
}

TEST_CASE("a cursor is bound to its filters", "[http]") {
  const cursor_seal seal{"secret"};
  CHECK_FALSE(seal.open(seal.make(7, "done"), "live"));
}

TEST_CASE("no changed character of a cursor is accepted", "[http]") {
  const cursor_seal seal{"secret"};
  const auto cursor = seal.make(7, "f");
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    auto other = cursor;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    CAPTURE(i);
    CHECK_FALSE(seal.open(other, "f"));
  }
}

TEST_CASE("what is no cursor does not open", "[http]") {
  const cursor_seal seal{"secret"};
  const auto cursor = seal.make(7, "f");
  CHECK_FALSE(seal.open("", "f"));
  CHECK_FALSE(seal.open(cursor.substr(1), "f"));
  CHECK_FALSE(seal.open(cursor + "A", "f"));
  CHECK_FALSE(seal.open(std::string(cursor.size(), '='), "f"));
  CHECK_FALSE(seal.open(std::string(1'000'000, 'A'), "f"));
}
