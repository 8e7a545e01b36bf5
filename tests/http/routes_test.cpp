#include "http/routes.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace alula;
using namespace alula::http;

TEST_CASE("alive is not ready", "[http]") {
  api_world world;
  world.engine.ready = false;
  CHECK(world.ask("GET", "/healthz").status == 200);
  const auto answer = world.ask("GET", "/readyz");
  CHECK(answer.status == 503);
  CHECK(code_of(answer) == "starting");
  CHECK(json::parse(answer.body).at("detail")
        == "adopting the jobs of the last boot");
  CHECK_FALSE(header_of(answer, "Retry-After").empty());
  world.engine.ready = true;
  CHECK(world.ask("GET", "/readyz").status == 200);
  CHECK(header_of(world.ask("GET", "/readyz"), "Cache-Control") == "no-store");
}

TEST_CASE("nothing is answered before the engine is ready", "[http]") {
  api_world world;
  world.engine.ready = false;
  for (const auto* target :
       {"/api/servers", "/api/jobs", "/api/jobs/summary", "/api/events",
        "/api/trash", "/api/servers/x/ws"}) {
    CAPTURE(target);
    const auto answer = world.ask("GET", target);
    CHECK(answer.status == 503);
    CHECK(code_of(answer) == "starting");
    CHECK_FALSE(header_of(answer, "Retry-After").empty());
  }
  CHECK(world.ask("POST", "/api/servers").status == 503);
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("the websocket is somebody else's", "[http]") {
  api_world world;
  CHECK(world.ask("GET", "/api/servers/" + some_server + "/ws").status == 101);
}

TEST_CASE("tokens are denied by whoever keeps the sockets", "[http]") {
  api_world world;
  CHECK(world.ask("POST", "/api/servers/" + some_server + "/ws/deny").status
        == 204);
}

TEST_CASE("the summary is not the job called summary", "[http]") {
  api_world world;
  CHECK(json::parse(world.ask("GET", "/api/jobs/summary").body)
            .contains("pools"));
}

TEST_CASE("Wings' other routes are not done, not unknown", "[http]") {
  api_world world;
  for (const auto& [method, target] :
       {std::pair{"POST", "/api/servers/x/power"},
        std::pair{"GET", "/api/system"}, std::pair{"POST", "/api/transfers"},
        std::pair{"GET", "/download/backup"}}) {
    CAPTURE(target);
    const auto answer = world.ask(method, target);
    CHECK(answer.status == 501);
    CHECK(code_of(answer) == "not-implemented");
  }
}

TEST_CASE("only probes and routes with tokens of their own are open",
          "[http]") {
  doubles::fake_engine engine;
  doubles::fake_clock clock;
  errands later;
  event_streams events{engine};
  std::set<std::string> open, all;
  for (const auto& line : make_routes({.engine = engine,
                          .clock = clock,
                          .events = events,
                          .later = later,
                          .websocket = [](const exchange_ptr&) {}})) {
    const auto name =
        std::string{line.method} + ' ' + std::string{line.pattern};
    CHECK(all.insert(name).second);
    if (line.needs == access::open)
      open.insert(name);
  }
  CHECK(open
        == std::set<std::string>{"GET /healthz", "GET /readyz",
                                 "GET /api/servers/:server/ws",
                                 "GET /download/backup", "GET /download/file",
                                 "POST /upload/file", "POST /api/transfers"});
}
