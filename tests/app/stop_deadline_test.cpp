#include "app/stop_deadline.hpp"

#include <catch2/catch.hpp>

using alula::app::stop_deadline;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("steps and answers share one grace", "[app]") {
  const stop_deadline::clock::time_point start{seconds{100}};
  const stop_deadline grace{seconds{10}, start};
  CHECK(grace.for_steps(start) == seconds{9});
  CHECK(grace.for_answers(start) == seconds{10});
  // The steps took all they were given, and then the answers.
  CHECK(grace.for_answers(start + seconds{9}) == seconds{1});
  CHECK(grace.for_answers(start + seconds{10}) == seconds{0});
  CHECK(grace.for_answers(start + seconds{11}) == seconds{0});
  // The start that had to end first used up most of it.
  CHECK(grace.for_steps(start + seconds{8}) == seconds{1});
  CHECK(grace.for_steps(start + seconds{12}) == seconds{0});
}

TEST_CASE("a short grace leaves a fifth to the answers", "[app]") {
  const stop_deadline::clock::time_point start{seconds{100}};
  CHECK(stop_deadline{milliseconds{500}, start}.for_steps(start)
        == milliseconds{400});
  CHECK(stop_deadline{milliseconds{0}, start}.for_steps(start)
        == milliseconds{0});
}
