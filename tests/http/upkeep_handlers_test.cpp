#include "http/upkeep_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

TEST_CASE("the level of the log is shown and changed", "[http]") {
  auto level = jobs::log_level::info;
  api_world world{{.log_level = {[&] { return level; },
                                 [&](jobs::log_level to) { level = to; }}}};
  CHECK(world.ask("GET", "/api/log").body == R"({"level":"info"})");
  CHECK(world.ask("PUT", "/api/log", R"({"level":"debug"})").status == 200);
  CHECK(level == jobs::log_level::debug);
  CHECK(world.ask("PUT", "/api/log", R"({"level":"loud"})").status == 422);
  CHECK(world.ask("PUT", "/api/log", "{").status == 400);
  CHECK(level == jobs::log_level::debug);
}

TEST_CASE("figures are shown as they are, where there are any", "[http]") {
  api_world world{{.metrics = [] { return std::string{"alula_jobs 1\n"}; }}};
  const auto answer = world.ask("GET", "/metrics");
  CHECK(answer.status == 200);
  CHECK(answer.body == "alula_jobs 1\n");
  CHECK(header_of(answer, "Cache-Control") == "no-store");
  api_world without;
  CHECK(without.ask("GET", "/metrics").status == 501);
}
