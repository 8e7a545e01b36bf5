#include "jobs/ascii.hpp"

#include <catch2/catch.hpp>

using namespace alula::jobs;

TEST_CASE("only letters of ASCII have a case", "[jobs]") {
  CHECK(lowered("Content-TYPE @[`{ 9") == "content-type @[`{ 9");
  CHECK(lowered("\xc3\x89") == "\xc3\x89");
  CHECK(equal_ignoring_case("Bearer", "bEARER"));
  CHECK(equal_ignoring_case("", ""));
  CHECK_FALSE(equal_ignoring_case("Bearer", "Beare"));
  CHECK_FALSE(equal_ignoring_case("@", "`"));
}

TEST_CASE("blanks are taken from both ends and left inside", "[jobs]") {
  CHECK(trimmed(" \ta b\t ") == "a b");
  CHECK(trimmed("a") == "a");
  CHECK(trimmed(" \t ").empty());
  CHECK(trimmed("").empty());
  CHECK(trimmed("\ta ", " ") == "\ta");
  CHECK(trimmed("\r\na\n") == "\r\na\n");
}
