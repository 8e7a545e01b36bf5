#include "http/text.hpp"

#include <catch2/catch.hpp>

using namespace alula::http;

TEST_CASE("percent decoding refuses a broken escape", "[http]") {
  CHECK(percent_decode("a%20b") == "a b");
  CHECK(percent_decode("a+b") == "a+b");
  CHECK(percent_decode("%2F%2f") == "//");
  CHECK(percent_decode("%00") == std::string(1, '\0'));
  CHECK_FALSE(percent_decode("%"));
  CHECK_FALSE(percent_decode("%2"));
  CHECK_FALSE(percent_decode("%zz"));
  CHECK_FALSE(percent_decode("abc%4"));
}

TEST_CASE("a query is taken apart and decoded", "[http]") {
  const auto pairs = parse_query("a=1&&b=x+y%26&flag&=v&bad=%zz&a=2");
  REQUIRE(pairs.size() == 6);
  CHECK(pairs[0] == std::pair<std::string, std::string>{"a", "1"});
  CHECK(pairs[1] == std::pair<std::string, std::string>{"b", "x y&"});
  CHECK(pairs[2] == std::pair<std::string, std::string>{"flag", ""});
  CHECK(pairs[3] == std::pair<std::string, std::string>{"", "v"});
  CHECK(pairs[4] == std::pair<std::string, std::string>{"bad", "%zz"});
  CHECK(pairs[5] == std::pair<std::string, std::string>{"a", "2"});
}

TEST_CASE("every form of a request target has a path", "[http]") {
  CHECK(split_target("/a/b?c=d").path == "/a/b");
  CHECK(split_target("/a/b?c=d").query == "c=d");
  CHECK(split_target("/a?b?c").query == "b?c");
  CHECK(split_target("/a#b?c").path == "/a");
  CHECK(split_target("/a#b?c").query.empty());
  CHECK(split_target("http://node:8080/a?b").path == "/a");
  CHECK(split_target("http://node").path == "/");
  CHECK(split_target("http://node?x=1").query == "x=1");
  CHECK(split_target("*").path == "*");
  CHECK(split_target("/http://x/y").path == "/http://x/y");
}

TEST_CASE("a token is found in a list whatever its case", "[http]") {
  CHECK(has_token("keep-alive, Upgrade", "upgrade"));
  CHECK(has_token("UPGRADE", "upgrade"));
  CHECK_FALSE(has_token("upgraded", "upgrade"));
  CHECK_FALSE(has_token("", "upgrade"));
}
