#include "app/stop_watchdog.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <optional>

using namespace alula::app;
using namespace std::chrono_literals;

TEST_CASE("a stop that hangs is left when its time is over", "[app]") {
  std::promise<void> left;
  const stop_watchdog dog{stop_watchdog::clock::now(),
                          [&left] { left.set_value(); }};
  CHECK(left.get_future().wait_for(20s) == std::future_status::ready);
}

TEST_CASE("a stop that has come to its end is not left", "[app]") {
  bool left = false;
  const auto before = stop_watchdog::clock::now();
  std::optional<stop_watchdog> dog;
  dog.emplace(before + 1h, [&left] { left = true; });
  dog.reset(); // joins
  CHECK_FALSE(left);
  CHECK(stop_watchdog::clock::now() - before < 1h);
}
