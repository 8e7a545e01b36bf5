#include "tests/actors/board_node.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <future>
#include <stop_token>

using namespace alula;
using actors::board_node;
using jobs::process_state;

TEST_CASE("a server nobody spoke of is offline", "[board]") {
  board_node n;
  CHECK(n.board.state(n.id) == process_state::offline);
  CHECK(n.board.usage(n.id).disk_bytes == 0);
  CHECK(n.board.recent_lines(n.id, 10).empty());
  CHECK(n.board.await_offline(n.id, std::chrono::milliseconds{0}, {}));
}

TEST_CASE("a state is a guess until Docker was asked", "[board]") {
  board_node n;
  CHECK_FALSE(n.board.usage(n.id).is_known);
  SECTION("for a list of all: who is not on it is off") {
    n.board.note_running({});
    CHECK(n.board.usage(n.id).is_known);
  }
  SECTION("for a list of all: who is on it has to be looked at") {
    n.docker.put("c0ffee", n.uuid, true);
    n.board.note_running({n.id});
    CHECK_FALSE(n.board.usage(n.id).is_known);
    REQUIRE(n.board.take_over(n.server));
    CHECK(n.board.usage(n.id).is_known);
    CHECK(n.board.state(n.id) == process_state::running);
  }
  SECTION("for this one, which is off") {
    REQUIRE(n.board.take_over(n.server));
    CHECK(n.board.usage(n.id).is_known);
  }
  SECTION("and when nobody answers it stays one") {
    n.docker.set_down(true);
    CHECK_FALSE(n.board.take_over(n.server));
    CHECK_FALSE(n.board.usage(n.id).is_known);
  }
}

TEST_CASE("each change of a state is told with the state before it",
          "[board]") {
  board_node n;
  std::mutex mutex;
  std::vector<std::string> told;
  n.board.tell_changes([&](const jobs::server_id& server, process_state before,
                           process_state now) {
    CHECK(server == n.id);
    const std::scoped_lock lock{mutex};
    told.push_back(std::string{to_string(before)} + ' '
                   + std::string{to_string(now)});
  });
  n.board.set_state(n.id, process_state::offline);
  n.board.set_state(n.id, process_state::starting);
  n.board.set_state(n.id, process_state::starting);
  n.board.set_state(n.id, process_state::running);
  n.board.set_state(n.id, process_state::offline);
  CHECK(told
        == std::vector<std::string>{"offline starting", "starting running",
                                    "running offline"});
  n.docker.put("c0ffee", n.uuid, true);
  REQUIRE(n.board.take_over(n.server));
  CHECK(told.back() == "offline running");
  n.board.stop();
}

TEST_CASE("only real changes of the state are announced", "[board]") {
  board_node n;
  n.board.set_state(n.id, process_state::offline);
  CHECK(n.clients.calls().empty());
  n.board.set_state(n.id, process_state::starting);
  n.board.set_state(n.id, process_state::starting);
  CHECK(n.said("status starting") == 1);
  CHECK(n.said("stats") == 0);
  n.board.set_state(n.id, process_state::offline);
  CHECK(n.said("status offline") == 1);
  CHECK(n.said("stats") == 1);
}

TEST_CASE("a server that ends by itself has crashed", "[board]") {
  board_node n;
  n.launch();
  n.streams.say(n.uuid, "Server started");
  n.die(137, true);
  CHECK(n.board.state(n.id) == process_state::offline);
  REQUIRE(n.crashes.size() == 1);
  CHECK(n.crashes[0].exit_code == 137);
  CHECK(n.crashes[0].out_of_memory);
}

TEST_CASE("a server that is stopping has not crashed", "[board]") {
  board_node n;
  n.launch();
  n.board.set_state(n.id, process_state::stopping);
  n.die(0);
  CHECK(n.board.state(n.id) == process_state::offline);
  CHECK(n.crashes.empty());
}

TEST_CASE("a boot takes over what runs", "[board]") {
  board_node n;
  CHECK(n.board.take_over(n.server).value() == false);
  n.docker.put("c0ffee", n.uuid, true);
  CHECK(n.board.take_over(n.server).value() == true);
  CHECK(n.board.state(n.id) == process_state::running);
  CHECK(n.board.write(n.id, "save"));
  n.docker.set_down(true);
  CHECK_FALSE(n.board.take_over(n.server));
}

TEST_CASE("samples are told, and are an occasion to look at the quota",
          "[board]") {
  board_node n;
  n.launch();
  n.board.set_disk_usage(n.id, (1 << 20) + 1);
  n.streams.sample(n.uuid, {.memory_bytes = 7});
  n.streams.sample(n.uuid, {.memory_bytes = 8});
  n.board.settle();
  CHECK(n.said("stats") == 2);
  CHECK(n.board.usage(n.id).sample.memory_bytes == 8);
  CHECK(n.quotas == 1);
}

TEST_CASE("a volume is measured once per interval", "[board]") {
  board_node n;
  n.launch();
  n.streams.sample(n.uuid, {});
  n.board.settle();
  n.streams.sample(n.uuid, {});
  n.board.settle();
  const auto measured = [&] {
    return std::ranges::count_if(n.disk.calls(), [](const auto& call) {
      return call.starts_with("used");
    });
  };
  CHECK(measured() == 1);
  n.up = n.up + 150'000;
  n.streams.sample(n.uuid, {});
  n.board.settle();
  CHECK(measured() == 2);
}

TEST_CASE("whoever waits for a server to be offline is woken", "[board]") {
  board_node n;
  n.launch();
  CHECK_FALSE(n.board.await_offline(n.id, std::chrono::milliseconds{1}, {}));
  auto waits = std::async(std::launch::async, [&] {
    return n.board.await_offline(n.id, std::chrono::minutes{5}, {});
  });
  n.board.set_state(n.id, process_state::stopping);
  n.board.set_state(n.id, process_state::offline);
  CHECK(waits.get());
  std::stop_source stop;
  stop.request_stop();
  n.board.set_state(n.id, process_state::starting);
  CHECK_FALSE(
      n.board.await_offline(n.id, std::chrono::minutes{5}, stop.get_token()));
}

TEST_CASE("a server that is forgotten says nothing any more", "[board]") {
  board_node n;
  n.launch();
  n.board.forget(n.id);
  const auto before = n.clients.calls().size();
  n.streams.say(n.uuid, "still here");
  n.board.settle();
  CHECK(n.clients.calls().size() == before);
  CHECK(n.board.state(n.id) == process_state::offline);
}

TEST_CASE("a stopped board announces nothing", "[board]") {
  board_node n;
  n.launch();
  n.board.stop();
  const auto before = n.clients.calls().size();
  n.streams.say(n.uuid, "late");
  n.board.set_state(n.id, process_state::offline);
  CHECK(n.clients.calls().size() == before);
}
