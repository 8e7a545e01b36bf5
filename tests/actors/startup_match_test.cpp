#include "actors/startup_match.hpp"

#include <catch2/catch.hpp>

using namespace alula::actors;

TEST_CASE("a server is up when a line holds one of the parts", "[startup]") {
  const startup_match up{{"Done (", "listening on"}, false};
  CHECK(up.matches("[12:00] Done (3.2s)!"));
  CHECK(up.matches("now listening on 0.0.0.0"));
  CHECK_FALSE(up.matches("done"));
}

TEST_CASE("a part may be a pattern", "[startup]") {
  const startup_match up{{"regex:^Ready in [0-9]+"}, false};
  CHECK(up.matches("Ready in 12 s"));
  CHECK_FALSE(up.matches("Not Ready in 12 s"));
}

TEST_CASE("without parts no line says that a server is up", "[startup]") {
  CHECK_FALSE(startup_match{}.matches("anything"));
  CHECK_FALSE(startup_match{{""}, false}.matches("anything"));
}

TEST_CASE("a pattern that is none matches nothing and harms no other",
          "[startup]") {
  const startup_match up{{"regex:([", "fine"}, false};
  CHECK_FALSE(up.matches("(["));
  CHECK(up.matches("fine"));
}

TEST_CASE("colours are looked through only when the egg says so", "[startup]") {
  const std::string line = "\x1b[32mServer \x1b[0mstarted";
  CHECK(startup_match{{"Server started"}, true}.matches(line));
  CHECK_FALSE(startup_match{{"Server started"}, false}.matches(line));
}

TEST_CASE("a cut escape sequence ends a line and nothing else", "[startup]") {
  CHECK(without_ansi("a\x1b") == "a");
  CHECK(without_ansi("a\x1b[3") == "a");
  CHECK(without_ansi("\x1b[1;31mred\x1b[m!") == "red!");
}
