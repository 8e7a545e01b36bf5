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
  world.engine.ready = false;
  CHECK(world.ask("HEAD", "/healthz").status == 200);
  CHECK(world.ask("HEAD", "/readyz").status == 503);
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
  CHECK(world.ask("POST", "/api/deauthorize-user").status == 204);
}

TEST_CASE("the summary is not the job called summary", "[http]") {
  api_world world;
  CHECK(json::parse(world.ask("GET", "/api/jobs/summary").body)
            .contains("pools"));
}

TEST_CASE("Wings' other routes are not done, not unknown", "[http]") {
  api_world world;
  const std::string files = "/api/servers/x/files/";
  const std::pair<const char*, std::string> rows[]{
      {"GET", "/download/file"},      {"POST", "/upload/file"},
      {"GET", files + "contents"},    {"GET", files + "list-directory"},
      {"PUT", files + "rename"},      {"POST", files + "copy"},
      {"POST", files + "write"},      {"POST", files + "create-directory"},
      {"POST", files + "delete"},     {"POST", files + "compress"},
      {"POST", files + "decompress"}, {"POST", files + "chmod"},
      {"GET", files + "pull"},        {"POST", files + "pull"},
      {"DELETE", files + "pull/x"}};
  for (const auto& [method, target] : rows) {
    CAPTURE(target);
    const auto answer = world.ask(method, target);
    CHECK(answer.status == 501);
    CHECK(code_of(answer) == "not-implemented");
    const auto detail = json::parse(answer.body).at("detail");
    CHECK(detail.get<std::string>().find("files of servers")
          != std::string::npos);
  }
}

TEST_CASE("every route of Wings for servers, backups and the node is served",
          "[http]") {
  api_world world;
  auto server = std::make_shared<jobs::server_record>();
  server->uuid = jobs::server_id::parse(some_server).value();
  world.engine.servers = {server};
  const auto of = [](std::string_view rest) {
    return "/api/servers/" + some_server + std::string{rest};
  };
  const std::pair<const char*, std::string> rows[]{
      {"GET", "/download/backup"},
      {"GET", of("/ws")},
      {"POST", "/api/update"},
      {"GET", "/api/system"},
      {"GET", "/api/servers"},
      {"POST", "/api/servers"},
      {"GET", of("")},
      {"DELETE", of("")},
      {"GET", of("/logs")},
      {"POST", of("/power")},
      {"POST", of("/commands")},
      {"POST", of("/install")},
      {"POST", of("/reinstall")},
      {"POST", of("/sync")},
      {"POST", of("/transfer")},
      {"DELETE", of("/transfer")},
      {"POST", of("/ws/deny")},
      {"POST", of("/backup")},
      {"POST", of("/backup/" + some_server + "/restore")},
      {"DELETE", of("/backup/" + some_server)},
      // Pelican's.
      {"GET", of("/install-logs")},
      {"POST", "/api/deauthorize-user"}};
  for (const auto& [method, target] : rows) {
    CAPTURE(method, target);
    world.engine.ticket = {world.engine.put(make_job()),
                           jobs::accept_outcome::created};
    const auto call = world.send(method, target, "{}");
    world.engine.let_time_pass();
    CHECK(call->wait_for_answer()->status != 501);
  }
}

TEST_CASE("only probes and routes with tokens of their own are open",
          "[http]") {
  doubles::fake_engine engine;
  doubles::fake_backup_desk desk;
  doubles::fake_clock clock;
  errands later;
  doubles::fake_node_facts node;
  event_streams events{engine};
  std::set<std::string> open, all;
  for (const auto& line : make_routes({.engine = engine,
                          .backups = desk,
                          .clock = clock,
                          .events = events,
                          .later = later,
                          .node = node,
                          .websocket = [](const exchange_ptr&) {}})) {
    const auto name =
        std::string{line.method} + ' ' + std::string{line.pattern};
    CHECK(all.insert(name).second);
    if (line.needs == access::open)
      open.insert(name);
  }
  CHECK(open
        == std::set<std::string>{
            "GET /healthz", "HEAD /healthz", "GET /readyz", "HEAD /readyz",
            "GET /", "HEAD /", "GET /web/:file", "HEAD /web/:file",
            "GET /api/servers/:server/ws", "GET /download/backup",
            "HEAD /download/backup", "GET /download/system-backup",
            "HEAD /download/system-backup", "GET /download/file",
            "POST /upload/file", "POST /api/transfers"});
}
