// What may be ordered over a websocket, and who hears what of it.
#include "tests/http/live_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <optional>
#include <string>

using namespace alula;
using namespace alula::http;
using jobs::process_state;

TEST_CASE("a power order becomes a job, and the Panel is told by its accept",
          "[http]") {
  live_world world;
  const auto socket = world.come_in_quietly();
  const auto action =
      GENERATE(as<std::string>{}, "start", "stop", "restart", "kill");
  socket_world::say(*socket, "set state", {action});
  CHECK(world.heard(*socket).empty());
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].kind == "server.power");
  CHECK(world.engine.submitted[0].server == server_a);
  CHECK(nlohmann::json::parse(world.engine.submitted[0].body)
        == nlohmann::json{{"action", action}});
  const auto& report = world.engine.submitted[0].report;
  REQUIRE(report);
  CHECK(report->subject == "activity:" + server_a.to_string());
  const auto row = nlohmann::json::parse(report->body).at("data").at(0);
  CHECK(row.at("event") == "server:power." + action);
  CHECK(row.at("ip") == "127.0.0.1");
  CHECK(world.noted.empty());
}

TEST_CASE("orders over a websocket are in the audit, refused ones too",
          "[http]") {
  live_world world;
  const auto socket = world.come_in_while_it_runs();
  socket_world::say(*socket, "set state", {"stop"});
  socket_world::say(*socket, "send command", {"op hunter2"});
  world.engine.taken = jobs::fault{.code = jobs::fault_code::server_suspended,
                                   .what = "the server is suspended"};
  socket_world::say(*socket, "set state", {"start"});
  world.processes.put(server_a, process_state::offline);
  world.processes.by_server[server_a].usage.is_known = false;
  socket_world::say(*socket, "send command", {"say hi"});
  // Nothing is asked of the node by these.
  socket_world::say(*socket, "set state", {"dance"});
  socket_world::say(*socket, "send stats", nlohmann::json::array());
  const auto guest = world.come_in_quietly({"websocket.connect"});
  socket_world::say(*guest, "set state", {"kill"});
  const auto path = "/api/servers/" + server_a.to_string() + "/ws/";
  REQUIRE(world.audit.size() == 4);
  CHECK(world.audit[0].path == path + "set state/stop");
  CHECK(world.audit[0].status == 202);
  CHECK(world.audit[1].path == path + "send command");
  CHECK(world.audit[2].path == path + "set state/start");
  CHECK(world.audit[2].status == 400);
  CHECK(world.audit[3].path == path + "send command");
  CHECK(world.audit[3].status == 503);
  for (const auto& row : world.audit) {
    CHECK(row.principal == "user:user-1");
    CHECK(row.method == "WS");
    CHECK(row.server == server_a.view());
    CHECK(row.remote == "127.0.0.1");
    CHECK(row.at == world.clock.now());
  }
}

TEST_CASE("an order that is refused says why, and is not noted", "[http]") {
  live_world world;
  const auto socket = world.come_in_quietly();
  SECTION("to everybody, when it is about the server") {
    world.engine.taken = jobs::fault{.code = jobs::fault_code::server_suspended,
                                     .what = "the server is suspended"};
    socket_world::say(*socket, "set state", {"start"});
    CHECK(world.heard(*socket)
          == lines{"daemon error Error Event []: the server is suspended"});
  }
  SECTION("and by which job, when one is in the way") {
    world.engine.taken =
        jobs::fault{.code = jobs::fault_code::server_locked,
                    .what = "the server is being deleted",
                    .in_the_way = "0199c1de-0000-7000-8000-000000000001"};
    socket_world::say(*socket, "set state", {"start"});
    CHECK(world.heard(*socket)
          == lines{"daemon error Error Event []: the server is being deleted "
                   "(job 0199c1de-0000-7000-8000-000000000001)"});
  }
  SECTION("and by which restore, which only the engine knows") {
    auto restore = doubles::make_job("backup.restore");
    restore.server = server_a;
    world.engine.live = {view_of(restore)};
    world.engine.taken =
        jobs::fault{.code = jobs::fault_code::server_locked, .what = "locked"};
    socket_world::say(*socket, "set state", {"start"});
    CHECK(world.heard(*socket)
          == lines{"daemon error Error Event []: locked (job "
                   + restore.id.to_string() + ")"});
  }
  SECTION("to administrators, when it is about the node") {
    world.engine.taken = jobs::fault{
        .code = jobs::fault_code::journal_unavailable, .what = "/dev/sda1"};
    const auto admin = world.come_in_quietly({"*", "admin.websocket.errors"});
    for (const auto& each : {socket, admin})
      socket_world::say(*each, "set state", {"start"});
    CHECK(world.heard(*socket).at(0).find("/dev/sda1") == std::string::npos);
    CHECK(world.heard(*admin)
          == lines{"daemon error Error Event []: /dev/sda1"});
  }
  SECTION("an action that is none") {
    socket_world::say(*socket, "set state", {"dance"});
    CHECK(world.heard(*socket).size() == 1);
    CHECK(world.engine.submitted.empty());
  }
  CHECK(world.noted.empty());
}

TEST_CASE("a command goes to the console, and is noted for the Panel",
          "[http]") {
  live_world world;
  const auto socket = world.come_in_while_it_runs();
  socket_world::say(*socket, "send command", {"say hi"});
  CHECK(world.written() == lines{"say hi"});
  CHECK(world.heard(*socket).empty());
  REQUIRE(world.noted.size() == 1);
  CHECK(world.noted[0].event == "server:console.command");
  CHECK(world.noted[0].command == "say hi");
}

TEST_CASE("commands to a server that is off are ignored in silence", "[http]") {
  live_world world;
  world.processes.put(server_a,
                      GENERATE(process_state::offline, process_state::starting),
                      false);
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "send command", {"say hi"});
  CHECK(world.heard(*socket).empty());
  CHECK(world.noted.empty());
}

TEST_CASE("a command to a server that was not looked at yet is not dropped in "
          "silence",
          "[http]") {
  live_world world;
  world.processes.by_server[server_a].usage.is_known = false;
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "send command", {"say hi"});
  CHECK(world.heard(*socket)
        == lines{"daemon error Error Event []: Docker has not said yet "
                 "whether this server runs"});
  socket_world::say(*socket, "send stats", {nullptr});
  CHECK(world.heard(*socket).empty());
  CHECK(world.noted.empty());
}

TEST_CASE("a console that takes no more says so", "[http]") {
  live_world world;
  const auto socket = world.come_in_while_it_runs();
  world.processes.fail_next(
      "write", {.code = jobs::fault_code::rate_limited, .what = "too fast"});
  socket_world::say(*socket, "send command", {"say hi"});
  CHECK(world.heard(*socket) == lines{"daemon error Error Event []: too fast"});
  CHECK(world.noted.empty());
}
