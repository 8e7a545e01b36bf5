#include "app/config_value.hpp"

#include <catch2/catch.hpp>

using namespace alula::app;
using namespace std::chrono_literals;

TEST_CASE("durations are seconds unless a unit says otherwise", "[app]") {
  CHECK(parse_duration("0") == 0ms);
  CHECK(parse_duration("10") == 10s);
  CHECK(parse_duration("1500ms") == 1'500ms);
  CHECK(parse_duration("90s") == 90s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("24h") == 24h);
  CHECK(parse_duration("7d") == 168h);
}

TEST_CASE("what is no duration is refused", "[app]") {
  for (auto text : {"", "s", "-1", "1.5s", "5 m", "5min", "1h30m", " 5", "5 ",
                    "99999999999999999d", "0x10"})
    CHECK_FALSE(parse_duration(text));
}

TEST_CASE("every rule can say what it allows", "[app]") {
  for (const auto& key : known_keys()) {
    INFO(key.path);
    CHECK_FALSE(allowed(key.rule).empty());
  }
  CHECK(allowed(integer_rule{1, 5}) == "a whole number from 1 to 5");
  CHECK(allowed(duration_rule{1s, 2h})
        == "a time in seconds or with ms, s, m, h or d behind it, from 1s to "
           "2h");
  CHECK(allowed(choice_rule{{"a", "b"}}) == "one of a, b");
}
