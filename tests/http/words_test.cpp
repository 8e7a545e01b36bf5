#include "http/sha256.hpp"
#include "http/words.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace alula::http;

TEST_CASE("a list is split into its trimmed, non-empty pieces", "[http]") {
  using list = std::vector<std::string_view>;
  CHECK(split(" a ,b,, \t,c", ',') == list{"a", "b", "c"});
  CHECK(split("", ',').empty());
  CHECK(split(",", ',').empty());
  CHECK(split("a,", ',') == list{"a"});
}

TEST_CASE("everything but unreserved characters is encoded", "[http]") {
  CHECK(percent_encoded("az-._~09") == "az-._~09");
  CHECK(percent_encoded("a b&c=d/\xc3\xa9*") == "a%20b%26c%3Dd%2F%C3%A9%2A");
}

// FIPS 180-2, appendix B.1, and RFC 4231, 4.3.
TEST_CASE("digests are those of the standards", "[http]") {
  CHECK(to_hex(sha256("abc"))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?"))
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(equal_in_constant_time("abc", "ab"));
}
