// What the board hears on a console, and writes to it.
#include "tests/actors/board_node.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <future>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace alula;
using actors::board_node;
using jobs::process_state;

TEST_CASE("a line of the console makes a starting server run", "[board]") {
  board_node n;
  n.launch();
  n.streams.say(n.uuid, "loading");
  CHECK(n.board.state(n.id) == process_state::starting);
  n.streams.say(n.uuid, "Server started in 3 s");
  CHECK(n.board.state(n.id) == process_state::running);
  CHECK(n.board.recent_lines(n.id, 10)
        == std::vector<std::string>{"loading", "Server started in 3 s"});
  CHECK(n.board.recent_lines(n.id, 1).front() == "Server started in 3 s");
  CHECK(n.said("console output loading") == 1);
}

TEST_CASE("the stop command in a console is a wish to stop", "[board]") {
  board_node n;
  n.launch();
  REQUIRE(n.board.write(n.id, "say hi"));
  CHECK(n.board.state(n.id) == process_state::starting);
  CHECK(n.typed_stops == 0);
  REQUIRE(n.board.write(n.id, "stop"));
  CHECK(n.typed_stops == 1);
  CHECK(n.board.state(n.id) == process_state::stopping);
  CHECK(n.streams.written_to(n.uuid) == "say hi\nstop\n");
  n.die(0);
  CHECK(n.crashes.empty());
}

TEST_CASE("nothing is written to a console that is not attached", "[board]") {
  board_node n;
  CHECK(n.board.write(n.id, "stop").error().code
        == jobs::fault_code::docker_refused);
}

TEST_CASE("a stop command that does not reach the console stops nothing",
          "[board]") {
  board_node n;
  n.launch();
  n.streams.say(n.uuid, "Server started");
  REQUIRE(n.board.state(n.id) == process_state::running);
  n.streams.fail_next("write", n.no_docker);
  CHECK_FALSE(n.board.write(n.id, "stop"));
  CHECK(n.board.state(n.id) == process_state::running);
  CHECK(n.typed_stops == 0);
  // What ends now was not wanted.
  n.die(9);
  const std::lock_guard guard{n.mutex};
  CHECK(n.crashes.size() == 1);
}

TEST_CASE("who hears that a server runs may write to its console", "[board]") {
  board_node n;
  n.docker.put("c0ffee", n.uuid, true);
  bool was_heard = false;
  n.clients.before_call = [&] { was_heard = n.streams.is_attached(n.uuid); };
  REQUIRE(n.board.take_over(n.server).value());
  CHECK(n.said("status running") == 1);
  CHECK(was_heard);
}

TEST_CASE("two who attach to a console at once attach once", "[board]") {
  board_node node;
  node.docker.put("c0ffee", node.uuid, true);
  for (int round = 0; round < 50; ++round) {
    std::promise<void> begun;
    node.streams.on_attach = [&](std::string_view) {
      begun.set_value(); // throws when it is attached twice
      std::this_thread::yield();
    };
    auto other = std::async(std::launch::async, [&] {
      begun.get_future().wait();
      return node.board.attach(node.server).has_value()
             && node.board.write(node.id, "help").has_value();
    });
    REQUIRE(node.board.attach(node.server));
    CHECK(node.board.write(node.id, "help"));
    CHECK(other.get());
    node.board.set_state(node.id, process_state::running);
    node.board.set_state(node.id, process_state::offline);
  }
}

TEST_CASE("who waits for a console that another attaches is let go by a stop",
          "[board]") {
  board_node n;
  n.docker.put("c0ffee", n.uuid, true);
  std::promise<void> begun, go_on;
  n.streams.on_attach = [&](std::string_view) {
    begun.set_value();
    go_on.get_future().wait();
  };
  auto first = std::async(std::launch::async,
                          [&] { return n.board.attach(n.server).has_value(); });
  begun.get_future().wait();
  auto second = std::async(
      std::launch::async, [&] { return n.board.attach(n.server).has_value(); });
  n.board.stop();
  CHECK(second.wait_for(std::chrono::seconds{10}) == std::future_status::ready);
  go_on.set_value();
  CHECK_FALSE(second.get());
  CHECK(first.get());
}

TEST_CASE("a console that says too much is cut with one notice", "[board]") {
  board_node n{{.throttle_lines = 2}};
  n.launch();
  for (int i = 0; i < 5; ++i)
    n.streams.say(n.uuid, "noise");
  CHECK(n.said("console output noise") == 2);
  CHECK(n.said("console output") == 3);
  n.up = 1'200;
  n.streams.say(n.uuid, "noise");
  CHECK(n.said("console output noise") == 3);
}

TEST_CASE("a cut line still says that the server is up", "[board]") {
  board_node n{{.throttle_lines = 0}};
  n.launch();
  n.streams.say(n.uuid, "Server started");
  CHECK(n.board.state(n.id) == process_state::running);
}

TEST_CASE("the console remembers so much and no more", "[board]") {
  board_node n{{.remembered_lines = 3}};
  n.launch();
  for (int i = 0; i < 5; ++i)
    n.streams.say(n.uuid, std::to_string(i));
  CHECK(n.board.recent_lines(n.id, 10)
        == std::vector<std::string>{"2", "3", "4"});
}
