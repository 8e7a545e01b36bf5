// What the board makes of what Docker says, and of its silence.
#include "tests/actors/board_node.hpp"

#include <catch2/catch.hpp>

#include <mutex>
#include <string_view>

using namespace alula;
using actors::board_node;
using jobs::process_state;

TEST_CASE("a container that was made but not started has not ended",
          "[board]") {
  board_node n;
  n.docker.put("c0ffee", n.uuid, false);
  n.docker.by_id["c0ffee"].info.status = "created";
  n.board.set_state(n.id, process_state::starting);
  n.streams.event(n.uuid, "c0ffee", "destroy");
  n.board.settle();
  CHECK(n.board.state(n.id) == process_state::starting);
  REQUIRE(n.board.attach(n.server));
  n.streams.event(n.uuid, "c0ffee", "die");
  n.board.settle();
  CHECK(n.board.state(n.id) == process_state::starting);
  CHECK(n.crashes.empty());
}

TEST_CASE("a console that breaks off is attached again while it runs",
          "[board]") {
  board_node n;
  n.launch();
  n.streams.end(n.uuid);
  n.board.settle();
  CHECK(n.streams.is_attached(n.uuid));
  CHECK(n.board.state(n.id) == process_state::starting);
  CHECK(n.crashes.empty());
}

TEST_CASE("a container that is gone counts as a crash with code 1", "[board]") {
  board_node n;
  n.launch();
  n.docker.by_id.clear();
  n.streams.event(n.uuid, "c0ffee", "destroy");
  n.board.settle();
  REQUIRE(n.crashes.size() == 1);
  CHECK(n.crashes[0].exit_code == 1);
}

TEST_CASE("a server that Docker does not answer for is unresponsive, "
          "not offline",
          "[board]") {
  board_node n;
  n.launch();
  n.docker.set_down(true);
  n.streams.end(n.uuid);
  n.board.settle();
  CHECK(n.board.state(n.id) == process_state::starting);
  CHECK(n.board.usage(n.id).unresponsive);
  n.docker.set_down(false);
  n.streams.miss();
  n.board.settle();
  CHECK_FALSE(n.board.usage(n.id).unresponsive);
  CHECK(n.streams.is_attached(n.uuid));
}

TEST_CASE("a container whose turn is taken is not unresponsive", "[board]") {
  board_node n;
  n.launch();
  n.docker.fail_next("inspect", {.code = jobs::fault_code::container_busy});
  n.streams.event(n.uuid, "c0ffee", "start");
  n.board.settle();
  CHECK_FALSE(n.board.usage(n.id).unresponsive);
}

TEST_CASE("when dockerd is back every server is looked at", "[board]") {
  board_node n;
  n.launch();
  n.streams.go_away(n.no_docker);
  CHECK(n.board.usage(n.id).unresponsive);
  n.docker.exit(n.uuid, 1);
  n.streams.miss();
  n.board.settle();
  CHECK(n.board.state(n.id) == process_state::offline);
  CHECK_FALSE(n.board.usage(n.id).unresponsive);
  CHECK(n.crashes.size() == 1);
}

TEST_CASE("a container that was started behind our back counts as running",
          "[board]") {
  board_node n;
  n.docker.put("c0ffee", n.uuid, true);
  n.streams.event(n.uuid, "c0ffee", "start");
  n.board.settle();
  CHECK(n.board.state(n.id) == process_state::running);
  CHECK(n.streams.is_attached(n.uuid));
}

TEST_CASE("containers of nobody are left alone", "[board]") {
  board_node n;
  n.docker.put("c0ffee", "11111111-7a55-4c3c-9d4f-0a4f5c1f2b11", true);
  n.docker.put("beef", "postgres", true);
  n.streams.miss();
  n.board.settle();
  for (const auto& call : n.streams.calls())
    CHECK_FALSE(call.starts_with("attach"));
}

TEST_CASE("a server that ends while it is taken over has ended", "[board]") {
  board_node n;
  n.docker.put("c0ffee", n.uuid, true);
  n.streams.on_attach = [&](std::string_view) {
    n.docker.exit(n.uuid, 3);
    n.streams.end(n.uuid);
  };
  REQUIRE(n.board.take_over(n.server));
  n.board.settle();
  CHECK(n.board.state(n.id) == process_state::offline);
  const std::lock_guard guard{n.mutex};
  REQUIRE(n.crashes.size() == 1);
  CHECK(n.crashes[0].exit_code == 3);
}
