// What the board finds when it looks by the clock, and of whom it says that
// Docker does not answer for them.
#include "tests/actors/board_node.hpp"
#include "tests/doubles/hung_list.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

using namespace alula;
using actors::board_node;
using jobs::process_state;

TEST_CASE("an unresponsive server says since when and why", "[board]") {
  board_node n;
  n.launch();
  n.streams.go_away(n.no_docker);
  const auto first = n.board.usage(n.id);
  CHECK(first.unresponsive_since == n.clock.now());
  CHECK(first.unresponsive_why == "no answer");
  n.clock.advance(std::chrono::minutes{1});
  n.docker.set_down(true);
  n.streams.end(n.uuid);
  n.board.settle();
  const auto later = n.board.usage(n.id);
  CHECK(later.unresponsive_since == first.unresponsive_since);
  CHECK(later.unresponsive_why == "no dockerd at fake.sock");
  n.docker.set_down(false);
  n.streams.miss();
  n.board.settle();
  CHECK(n.board.usage(n.id).unresponsive_since == 0);
  CHECK(n.board.usage(n.id).unresponsive_why.empty());
}

TEST_CASE("a container whose last call hung is unresponsive before anybody "
          "looks",
          "[board]") {
  board_node n;
  const auto hang = [&] {
    n.docker.silences[n.uuid] = {std::chrono::seconds{90}, "hung twice"};
  };
  SECTION("also of a server nobody spoke of") {
    hang();
    const auto usage = n.board.usage(n.id);
    CHECK(usage.unresponsive);
    CHECK(usage.unresponsive_since == n.clock.now() - 90'000);
    CHECK(usage.unresponsive_why == "hung twice");
  }
  SECTION("and is inspected at the next list, as an answer ends it") {
    n.launch();
    hang();
    n.let_list();
    CHECK(n.docker.count("inspect") == 1);
  }
  SECTION("also one that never ran here") {
    n.docker.put("c0ffee", n.uuid, false);
    hang();
    n.let_list();
    CHECK(n.docker.count("inspect") == 1);
    CHECK(n.board.state(n.id) == process_state::offline);
  }
}

TEST_CASE("a container whose start nobody told of is found by the clock",
          "[board]") {
  board_node n;
  n.docker.put("c0ffee", n.uuid, true);
  n.let_list();
  CHECK(n.board.state(n.id) == process_state::running);
  CHECK(n.streams.is_attached(n.uuid));
}

TEST_CASE("a server whose end nobody told of is found by the clock",
          "[board]") {
  board_node n;
  n.launch();
  n.streams.say(n.uuid, "Server started");
  n.docker.exit(n.uuid, 3);
  n.let_list();
  CHECK(n.board.state(n.id) == process_state::offline);
  const std::lock_guard guard{n.mutex};
  REQUIRE(n.crashes.size() == 1);
  CHECK(n.crashes[0].exit_code == 3);
}

TEST_CASE("servers that are as they should be cost one call a turn",
          "[board]") {
  board_node n;
  n.launch();
  n.docker.put("beef", "postgres", true);
  for (int turn = 0; turn < 3; ++turn)
    n.let_list();
  CHECK(n.docker.count("list") == 3);
  CHECK(n.docker.count("inspect") == 0);
}

TEST_CASE("a turn without an answer is left to the next one", "[board]") {
  board_node n;
  n.launch();
  n.docker.fail_next("list", n.no_docker);
  n.let_list();
  CHECK_FALSE(n.board.usage(n.id).unresponsive);
  CHECK(n.docker.count("inspect") == 0);
  n.docker.exit(n.uuid, 1);
  n.let_list();
  CHECK(n.board.state(n.id) == process_state::offline);
}

TEST_CASE("containers are not listed twice at once", "[board]") {
  board_node n;
  std::promise<void> begun, go_on;
  std::atomic<int> lists{0}, under_way{0}, most{0};
  n.docker.before_list = [&](const std::stop_token&) {
    most = std::max(most.load(), ++under_way);
    if (++lists == 1) {
      begun.set_value();
      go_on.get_future().wait();
    }
    --under_way;
  };
  n.streams.miss();
  begun.get_future().wait();
  n.up = n.up + 300'000;
  n.board.look_at_clock();
  // What was lost while dockerd was listing is worth another list, after it.
  n.streams.miss();
  n.streams.miss();
  go_on.set_value();
  n.board.settle();
  n.board.stop();
  CHECK(most == 1);
  CHECK(lists >= 2);
}

TEST_CASE("a list that throws does not end the lists", "[board]") {
  board_node n;
  std::atomic<int> thrown{0};
  n.docker.before_list = [&](const std::stop_token&) {
    if (thrown++ == 0)
      throw std::runtime_error{"no memory"};
  };
  n.streams.miss();
  n.board.settle();
  REQUIRE(thrown == 1);
  n.let_list();
  CHECK(n.docker.count("list") == 1);
}

TEST_CASE("a stop does not wait for a list that nobody has begun", "[board]") {
  board_node n{{.lookers = 1}};
  n.launch();
  n.streams.say(n.uuid, "Server started");
  std::future<void> stop;
  {
    // The one thread is held: it tells of a crash.
    const std::lock_guard guard{n.mutex};
    n.docker.exit(n.uuid, 1);
    n.streams.end(n.uuid);
    n.streams.miss();
    stop = std::async(std::launch::async, [&] { n.board.stop(); });
    while (n.streams.count("stop_watching") == 0)
      std::this_thread::yield();
  }
  stop.get();
  CHECK(n.docker.count("list") == 0);
}

TEST_CASE("a stop ends a list that dockerd does not answer", "[board]") {
  jobs::hung_list list;
  board_node n;
  n.docker.before_list = std::ref(list);
  n.streams.miss();
  REQUIRE(list.is_asked());
  n.board.stop();
  CHECK(list.was_stopped());
  CHECK(n.docker.count("inspect") == 0);
}
