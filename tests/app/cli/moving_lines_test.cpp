#include "app/cli/moving_lines.hpp"

#include <catch2/catch.hpp>

namespace alula::app::cli {

using lines = std::vector<std::string>;

TEST_CASE("lines that have room are shown as they are", "[app]") {
  CHECK(fitting({"a", "b", "c"}, 4, true) == lines{"a", "b", "c"});
}

TEST_CASE("what the screen has no room for is counted", "[app]") {
  CHECK(fitting({"a", "b", "c", "d"}, 4, true)
        == lines{"a", "b", "and 2 more (`alula jobs --live`)"});
}

TEST_CASE("that the node knows of more is said", "[app]") {
  CHECK(fitting({"a", "b"}, 24, false)
        == lines{"a", "b", "and more (`alula jobs --live`)"});
}

} // namespace alula::app::cli
