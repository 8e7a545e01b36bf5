#include "jobs/catalog.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

using namespace alula::jobs;

TEST_CASE("no step of any kind may be silent for longer than an hour",
          "[jobs]") {
  for (const auto* kind : standard_catalog().all())
    for (const auto& step : kind->steps) {
      CAPTURE(std::string{kind->name}, std::string{step.name});
      CHECK(step.stall_limit > std::chrono::milliseconds{0});
      CHECK(step.stall_limit <= std::chrono::hours{1});
    }
}
