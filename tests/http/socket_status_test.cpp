// What a websocket is told of a server's state, and the figures and lines that
// it asks for.
#include "tests/http/live_world.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;
using jobs::process_state;

// -- who comes in ------------------------------------------------------------

TEST_CASE("a client that comes in is told the state the node knows", "[http]") {
  live_world world;
  const auto state = GENERATE(process_state::starting, process_state::running,
                              process_state::stopping);
  world.processes.put(server_a, state);
  const auto socket = world.come_in();
  CHECK(world.heard(*socket)
        == lines{"auth success", "status " + std::string{to_string(state)}});
}

TEST_CASE("of a server that is off it is told what it uses, once", "[http]") {
  live_world world;
  const auto socket = world.come_in();
  const auto told = world.heard(*socket);
  REQUIRE(told.size() == 3);
  CHECK(told[1] == "status offline");
  CHECK(told[2].starts_with("stats {"));
}

TEST_CASE("a state that is no guess is told while Docker is silent", "[http]") {
  live_world world;
  world.engine.answer(
      jobs::fault{.code = jobs::fault_code::docker_unavailable, .what = "no"});
  const auto off = world.come_in();
  CHECK(world.heard(*off) == lines{"auth success"});
  world.processes.put(server_a, process_state::running);
  const auto up = world.come_in();
  CHECK(world.heard(*up) == lines{"auth success", "status running"});
}

TEST_CASE("a container that runs and is not taken over yet is not told as off",
          "[http]") {
  live_world world;
  world.engine.answer_running(true);
  const auto socket = world.come_in();
  CHECK(world.heard(*socket) == lines{"auth success"});
  world.processes.put(server_a, process_state::running);
  world.pass(30s);
  CHECK(world.heard(*socket) == lines{"status running"});
}

TEST_CASE("what changes while a client comes in is its last word", "[http]") {
  live_world world;
  world.processes.put(server_a, process_state::starting);
  // The change is announced between the look and the answer.
  const auto change = [&] {
    world.processes.put(server_a, process_state::running);
    world.hub.announce(server_a, "status", {"running"});
  };
  world.processes.after_look = [&] { world.processes.after_look = change; };
  const auto socket = world.come_in();
  CHECK(world.heard(*socket)
        == lines{"auth success", "status running", "status starting",
                 "status running"});
}

// -- figures and logs --------------------------------------------------------

TEST_CASE("who asks for figures gets them once", "[http]") {
  live_world world;
  world.processes.put(server_a, process_state::running);
  world.processes.by_server[server_a].usage.sample.memory_bytes = 77;
  const auto socket = world.come_in_quietly();
  const auto other = world.come_in_quietly();
  socket_world::say(*socket, "send stats", {nullptr});
  const auto told = world.heard(*socket);
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("\"memory_bytes\":77") != std::string::npos);
  CHECK(world.heard(*other).empty());
}

TEST_CASE("who asks for logs gets the last lines of the container", "[http]") {
  live_world world;
  world.processes.put(server_a, process_state::running);
  world.processes.by_server[server_a].console = {"1", "2", "3", "4"};
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "send logs", {nullptr});
  CHECK(world.hear(socket, 3)
        == lines{"console output 2", "console output 3", "console output 4"});
  CHECK(world.processes.calls().back().starts_with("log "));
}

TEST_CASE("what does not run, or cannot be asked, is told as it was heard",
          "[http]") {
  live_world world;
  world.processes.by_server[server_a].console = {"it did not start"};
  const auto socket = world.come_in_quietly();
  SECTION("off") {
    socket_world::say(*socket, "send logs", {nullptr});
    CHECK(world.heard(*socket) == lines{"console output it did not start"});
  }
  SECTION("Docker is silent") {
    world.processes.put(server_a, process_state::running);
    world.processes.fail_next("log",
                              {.code = jobs::fault_code::docker_unavailable});
    socket_world::say(*socket, "send logs", {nullptr});
    CHECK(world.hear(socket, 1) == lines{"console output it did not start"});
  }
}

TEST_CASE("a log is bounded by its bytes, the newest lines first of all",
          "[http]") {
  live_world world;
  world.processes.by_server[server_a].console = {
      std::string(60, 'a'), std::string(60, 'b'), std::string(39, 'c')};
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "send logs", {nullptr});
  CHECK(world.heard(*socket)
        == lines{"console output " + std::string(60, 'b'),
                 "console output " + std::string(39, 'c')});
}
