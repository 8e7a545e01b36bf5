#include "actors/process_board.hpp"
#include "tests/doubles/fake_audience.hpp"
#include "tests/doubles/fake_clock.hpp"
#include "tests/doubles/fake_container_streams.hpp"
#include "tests/doubles/fake_containers.hpp"
#include "tests/doubles/fake_volumes.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <vector>

using namespace alula;
using jobs::process_state;

namespace {

const std::string uuid = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";
const auto id = *jobs::server_id::parse(uuid);
const std::string demo_config =
    R"({"settings":{"build":{"disk_space":1}},"process_configuration":{)"
    R"("startup":{"done":["Server started"]},)"
    R"("stop":{"type":"command","value":"stop"}}})";

struct live_node {
  explicit live_node(actors::process_settings with = {})
    : board(with, docker, streams, disk, clients, clock,
            [this] { return up.load(); }) {
    board.start(
        {.crashed =
             [this](const jobs::server_id&, const jobs::process_end& end) {
               const std::lock_guard guard{mutex};
               crashes.push_back(end);
             },
         .stop_typed = [this](const jobs::server_id&) { ++typed_stops; },
         .over_quota = [this](const jobs::server_id&) { ++quotas; },
         .find =
             [this](const jobs::server_id& asked) {
               return asked == id
                          ? std::make_shared<const jobs::server_record>(server)
                          : nullptr;
             }});
  }

  /// As a start does it.
  void launch() {
    docker.put("c0ffee", uuid, false);
    docker.by_id["c0ffee"].info.status = "created";
    board.set_state(id, process_state::starting);
    REQUIRE(board.attach(server));
    REQUIRE(docker.start(uuid));
  }

  void die(int code, bool oom = false) {
    docker.exit(uuid, code, oom);
    streams.end(uuid);
    board.settle();
  }

  /// The time of the next list of all has come, and what it leads to is done.
  void let_list() {
    const auto before = docker.count("list");
    up = up + 300'000;
    board.look_at_clock();
    while (docker.count("list") == before)
      std::this_thread::yield();
    board.settle();
  }

  std::size_t said(const std::string& event) {
    const auto all = clients.calls();
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](const auto& line) {
          return line.starts_with("announce " + uuid + ' ' + event);
        }));
  }

  jobs::fake_containers docker;
  jobs::fake_container_streams streams;
  jobs::fake_volumes disk;
  jobs::fake_audience clients;
  doubles::fake_clock clock;
  std::atomic<jobs::time_ms> up{1'000};
  jobs::server_record server{.row = 12, .uuid = id, .config = demo_config};
  std::mutex mutex;
  std::vector<jobs::process_end> crashes;
  std::atomic<int> quotas{0}, typed_stops{0};
  actors::process_board board;
};

const jobs::fault no_docker{.code = jobs::fault_code::docker_unavailable,
                            .what = "no answer"};

} // namespace

TEST_CASE("a server nobody spoke of is offline", "[board]") {
  live_node n;
  CHECK(n.board.state(id) == process_state::offline);
  CHECK(n.board.usage(id).disk_bytes == 0);
  CHECK(n.board.recent_lines(id, 10).empty());
  CHECK(n.board.await_offline(id, std::chrono::milliseconds{0}, {}));
}

TEST_CASE("a state is a guess until Docker was asked", "[board]") {
  live_node n;
  CHECK_FALSE(n.board.usage(id).is_known);
  SECTION("for a list of all: who is not on it is off") {
    n.board.note_running({});
    CHECK(n.board.usage(id).is_known);
  }
  SECTION("for a list of all: who is on it has to be looked at") {
    n.docker.put("c0ffee", uuid, true);
    n.board.note_running({id});
    CHECK_FALSE(n.board.usage(id).is_known);
    REQUIRE(n.board.take_over(n.server));
    CHECK(n.board.usage(id).is_known);
    CHECK(n.board.state(id) == process_state::running);
  }
  SECTION("for this one, which is off") {
    REQUIRE(n.board.take_over(n.server));
    CHECK(n.board.usage(id).is_known);
  }
  SECTION("and when nobody answers it stays one") {
    n.docker.set_down(true);
    CHECK_FALSE(n.board.take_over(n.server));
    CHECK_FALSE(n.board.usage(id).is_known);
  }
}

TEST_CASE("only real changes of the state are announced", "[board]") {
  live_node n;
  n.board.set_state(id, process_state::offline);
  CHECK(n.clients.calls().empty());
  n.board.set_state(id, process_state::starting);
  n.board.set_state(id, process_state::starting);
  CHECK(n.said("status starting") == 1);
  CHECK(n.said("stats") == 0);
  n.board.set_state(id, process_state::offline);
  CHECK(n.said("status offline") == 1);
  CHECK(n.said("stats") == 1);
}

TEST_CASE("a line of the console makes a starting server run", "[board]") {
  live_node n;
  n.launch();
  n.streams.say(uuid, "loading");
  CHECK(n.board.state(id) == process_state::starting);
  n.streams.say(uuid, "Server started in 3 s");
  CHECK(n.board.state(id) == process_state::running);
  CHECK(n.board.recent_lines(id, 10)
        == std::vector<std::string>{"loading", "Server started in 3 s"});
  CHECK(n.board.recent_lines(id, 1).front() == "Server started in 3 s");
  CHECK(n.said("console output loading") == 1);
}

TEST_CASE("a server that ends by itself has crashed", "[board]") {
  live_node n;
  n.launch();
  n.streams.say(uuid, "Server started");
  n.die(137, true);
  CHECK(n.board.state(id) == process_state::offline);
  REQUIRE(n.crashes.size() == 1);
  CHECK(n.crashes[0].exit_code == 137);
  CHECK(n.crashes[0].out_of_memory);
}

TEST_CASE("a server that is stopping has not crashed", "[board]") {
  live_node n;
  n.launch();
  n.board.set_state(id, process_state::stopping);
  n.die(0);
  CHECK(n.board.state(id) == process_state::offline);
  CHECK(n.crashes.empty());
}

TEST_CASE("the stop command in a console is a wish to stop", "[board]") {
  live_node n;
  n.launch();
  REQUIRE(n.board.write(id, "say hi"));
  CHECK(n.board.state(id) == process_state::starting);
  CHECK(n.typed_stops == 0);
  REQUIRE(n.board.write(id, "stop"));
  CHECK(n.typed_stops == 1);
  CHECK(n.board.state(id) == process_state::stopping);
  CHECK(n.streams.written_to(uuid) == "say hi\nstop\n");
  n.die(0);
  CHECK(n.crashes.empty());
}

TEST_CASE("nothing is written to a console that is not attached", "[board]") {
  live_node n;
  CHECK(n.board.write(id, "stop").error().code
        == jobs::fault_code::docker_refused);
}

TEST_CASE("a container that was made but not started has not ended",
          "[board]") {
  live_node n;
  n.docker.put("c0ffee", uuid, false);
  n.docker.by_id["c0ffee"].info.status = "created";
  n.board.set_state(id, process_state::starting);
  n.streams.event(uuid, "c0ffee", "destroy");
  n.board.settle();
  CHECK(n.board.state(id) == process_state::starting);
  REQUIRE(n.board.attach(n.server));
  n.streams.event(uuid, "c0ffee", "die");
  n.board.settle();
  CHECK(n.board.state(id) == process_state::starting);
  CHECK(n.crashes.empty());
}

TEST_CASE("a console that breaks off is attached again while it runs",
          "[board]") {
  live_node n;
  n.launch();
  n.streams.end(uuid);
  n.board.settle();
  CHECK(n.streams.is_attached(uuid));
  CHECK(n.board.state(id) == process_state::starting);
  CHECK(n.crashes.empty());
}

TEST_CASE("a container that is gone counts as a crash with code 1", "[board]") {
  live_node n;
  n.launch();
  n.docker.by_id.clear();
  n.streams.event(uuid, "c0ffee", "destroy");
  n.board.settle();
  REQUIRE(n.crashes.size() == 1);
  CHECK(n.crashes[0].exit_code == 1);
}

TEST_CASE("a server that Docker does not answer for is unresponsive, "
          "not offline",
          "[board]") {
  live_node n;
  n.launch();
  n.docker.set_down(true);
  n.streams.end(uuid);
  n.board.settle();
  CHECK(n.board.state(id) == process_state::starting);
  CHECK(n.board.usage(id).unresponsive);
  n.docker.set_down(false);
  n.streams.miss();
  n.board.settle();
  CHECK_FALSE(n.board.usage(id).unresponsive);
  CHECK(n.streams.is_attached(uuid));
}

TEST_CASE("an unresponsive server says since when and why", "[board]") {
  live_node n;
  n.launch();
  n.streams.go_away(no_docker);
  const auto first = n.board.usage(id);
  CHECK(first.unresponsive_since == n.clock.now());
  CHECK(first.unresponsive_why == "no answer");
  n.clock.advance(std::chrono::minutes{1});
  n.docker.set_down(true);
  n.streams.end(uuid);
  n.board.settle();
  const auto later = n.board.usage(id);
  CHECK(later.unresponsive_since == first.unresponsive_since);
  CHECK(later.unresponsive_why == "no dockerd at fake.sock");
  n.docker.set_down(false);
  n.streams.miss();
  n.board.settle();
  CHECK(n.board.usage(id).unresponsive_since == 0);
  CHECK(n.board.usage(id).unresponsive_why.empty());
}

TEST_CASE("a container whose last call hung is unresponsive before anybody "
          "looks",
          "[board]") {
  live_node n;
  const auto hang = [&] {
    n.docker.silences[uuid] = {std::chrono::seconds{90}, "hung twice"};
  };
  SECTION("also of a server nobody spoke of") {
    hang();
    const auto usage = n.board.usage(id);
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
}

TEST_CASE("a container whose turn is taken is not unresponsive", "[board]") {
  live_node n;
  n.launch();
  n.docker.fail_next("inspect", {.code = jobs::fault_code::container_busy});
  n.streams.event(uuid, "c0ffee", "start");
  n.board.settle();
  CHECK_FALSE(n.board.usage(id).unresponsive);
}

TEST_CASE("when dockerd is back every server is looked at", "[board]") {
  live_node n;
  n.launch();
  n.streams.go_away(no_docker);
  CHECK(n.board.usage(id).unresponsive);
  n.docker.exit(uuid, 1);
  n.streams.miss();
  n.board.settle();
  CHECK(n.board.state(id) == process_state::offline);
  CHECK_FALSE(n.board.usage(id).unresponsive);
  CHECK(n.crashes.size() == 1);
}

TEST_CASE("a container that was started behind our back counts as running",
          "[board]") {
  live_node n;
  n.docker.put("c0ffee", uuid, true);
  n.streams.event(uuid, "c0ffee", "start");
  n.board.settle();
  CHECK(n.board.state(id) == process_state::running);
  CHECK(n.streams.is_attached(uuid));
}

TEST_CASE("a container whose start nobody told of is found by the clock",
          "[board]") {
  live_node n;
  n.docker.put("c0ffee", uuid, true);
  n.let_list();
  CHECK(n.board.state(id) == process_state::running);
  CHECK(n.streams.is_attached(uuid));
}

TEST_CASE("a server whose end nobody told of is found by the clock",
          "[board]") {
  live_node n;
  n.launch();
  n.streams.say(uuid, "Server started");
  n.docker.exit(uuid, 3);
  n.let_list();
  CHECK(n.board.state(id) == process_state::offline);
  const std::lock_guard guard{n.mutex};
  REQUIRE(n.crashes.size() == 1);
  CHECK(n.crashes[0].exit_code == 3);
}

TEST_CASE("servers that are as they should be cost one call a turn",
          "[board]") {
  live_node n;
  n.launch();
  n.docker.put("beef", "postgres", true);
  for (int turn = 0; turn < 3; ++turn)
    n.let_list();
  CHECK(n.docker.count("list") == 3);
  CHECK(n.docker.count("inspect") == 0);
}

TEST_CASE("a turn without an answer is left to the next one", "[board]") {
  live_node n;
  n.launch();
  n.docker.fail_next("list", no_docker);
  n.let_list();
  CHECK_FALSE(n.board.usage(id).unresponsive);
  CHECK(n.docker.count("inspect") == 0);
  n.docker.exit(uuid, 1);
  n.let_list();
  CHECK(n.board.state(id) == process_state::offline);
}

TEST_CASE("containers are not listed twice at once", "[board]") {
  live_node n;
  std::promise<void> begun, go_on;
  std::atomic<int> lists{0}, under_way{0}, most{0};
  n.docker.before_list = [&] {
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

TEST_CASE("containers of nobody are left alone", "[board]") {
  live_node n;
  n.docker.put("c0ffee", "11111111-7a55-4c3c-9d4f-0a4f5c1f2b11", true);
  n.docker.put("beef", "postgres", true);
  n.streams.miss();
  n.board.settle();
  for (const auto& call : n.streams.calls())
    CHECK_FALSE(call.starts_with("attach"));
}

TEST_CASE("a boot takes over what runs", "[board]") {
  live_node n;
  CHECK(n.board.take_over(n.server).value() == false);
  n.docker.put("c0ffee", uuid, true);
  CHECK(n.board.take_over(n.server).value() == true);
  CHECK(n.board.state(id) == process_state::running);
  CHECK(n.board.write(id, "save"));
  n.docker.set_down(true);
  CHECK_FALSE(n.board.take_over(n.server));
}

TEST_CASE("a stop command that does not reach the console stops nothing",
          "[board]") {
  live_node n;
  n.launch();
  n.streams.say(uuid, "Server started");
  REQUIRE(n.board.state(id) == process_state::running);
  n.streams.fail_next("write", no_docker);
  CHECK_FALSE(n.board.write(id, "stop"));
  CHECK(n.board.state(id) == process_state::running);
  CHECK(n.typed_stops == 0);
  // What ends now was not wanted.
  n.die(9);
  const std::lock_guard guard{n.mutex};
  CHECK(n.crashes.size() == 1);
}

TEST_CASE("who hears that a server runs may write to its console", "[board]") {
  live_node n;
  n.docker.put("c0ffee", uuid, true);
  bool was_heard = false;
  n.clients.before_call = [&] { was_heard = n.streams.is_attached(uuid); };
  REQUIRE(n.board.take_over(n.server).value());
  CHECK(n.said("status running") == 1);
  CHECK(was_heard);
}

TEST_CASE("two who attach to a console at once attach once", "[board]") {
  live_node node;
  node.docker.put("c0ffee", uuid, true);
  for (int round = 0; round < 50; ++round) {
    std::promise<void> begun;
    node.streams.on_attach = [&](std::string_view) {
      begun.set_value(); // throws when it is attached twice
      std::this_thread::yield();
    };
    auto other = std::async(std::launch::async, [&] {
      begun.get_future().wait();
      return node.board.attach(node.server).has_value()
             && node.board.write(id, "help").has_value();
    });
    REQUIRE(node.board.attach(node.server));
    CHECK(node.board.write(id, "help"));
    CHECK(other.get());
    node.board.set_state(id, process_state::running);
    node.board.set_state(id, process_state::offline);
  }
}

TEST_CASE("who waits for a console that another attaches is let go by a stop",
          "[board]") {
  live_node n;
  n.docker.put("c0ffee", uuid, true);
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

TEST_CASE("a server that ends while it is taken over has ended", "[board]") {
  live_node n;
  n.docker.put("c0ffee", uuid, true);
  n.streams.on_attach = [&](std::string_view) {
    n.docker.exit(uuid, 3);
    n.streams.end(uuid);
  };
  REQUIRE(n.board.take_over(n.server));
  n.board.settle();
  CHECK(n.board.state(id) == process_state::offline);
  const std::lock_guard guard{n.mutex};
  REQUIRE(n.crashes.size() == 1);
  CHECK(n.crashes[0].exit_code == 3);
}

TEST_CASE("a console that says too much is cut with one notice", "[board]") {
  live_node n{{.throttle_lines = 2}};
  n.launch();
  for (int i = 0; i < 5; ++i)
    n.streams.say(uuid, "noise");
  CHECK(n.said("console output noise") == 2);
  CHECK(n.said("console output") == 3);
  n.up = 1'200;
  n.streams.say(uuid, "noise");
  CHECK(n.said("console output noise") == 3);
}

TEST_CASE("a cut line still says that the server is up", "[board]") {
  live_node n{{.throttle_lines = 0}};
  n.launch();
  n.streams.say(uuid, "Server started");
  CHECK(n.board.state(id) == process_state::running);
}

TEST_CASE("the console remembers so much and no more", "[board]") {
  live_node n{{.remembered_lines = 3}};
  n.launch();
  for (int i = 0; i < 5; ++i)
    n.streams.say(uuid, std::to_string(i));
  CHECK(n.board.recent_lines(id, 10)
        == std::vector<std::string>{"2", "3", "4"});
}

TEST_CASE("samples are told, and are an occasion to look at the quota",
          "[board]") {
  live_node n;
  n.launch();
  n.board.set_disk_usage(id, (1 << 20) + 1);
  n.streams.sample(uuid, {.memory_bytes = 7});
  n.streams.sample(uuid, {.memory_bytes = 8});
  n.board.settle();
  CHECK(n.said("stats") == 2);
  CHECK(n.board.usage(id).sample.memory_bytes == 8);
  CHECK(n.quotas == 1);
}

TEST_CASE("a volume is measured once per interval", "[board]") {
  live_node n;
  n.launch();
  n.streams.sample(uuid, {});
  n.board.settle();
  n.streams.sample(uuid, {});
  n.board.settle();
  const auto measured = [&] {
    return std::ranges::count_if(n.disk.calls(), [](const auto& call) {
      return call.starts_with("used");
    });
  };
  CHECK(measured() == 1);
  n.up = n.up + 150'000;
  n.streams.sample(uuid, {});
  n.board.settle();
  CHECK(measured() == 2);
}

TEST_CASE("whoever waits for a server to be offline is woken", "[board]") {
  live_node n;
  n.launch();
  CHECK_FALSE(n.board.await_offline(id, std::chrono::milliseconds{1}, {}));
  auto waits = std::async(std::launch::async, [&] {
    return n.board.await_offline(id, std::chrono::minutes{5}, {});
  });
  n.board.set_state(id, process_state::stopping);
  n.board.set_state(id, process_state::offline);
  CHECK(waits.get());
  std::stop_source stop;
  stop.request_stop();
  n.board.set_state(id, process_state::starting);
  CHECK_FALSE(
      n.board.await_offline(id, std::chrono::minutes{5}, stop.get_token()));
}

TEST_CASE("a server that is forgotten says nothing any more", "[board]") {
  live_node n;
  n.launch();
  n.board.forget(id);
  const auto before = n.clients.calls().size();
  n.streams.say(uuid, "still here");
  n.board.settle();
  CHECK(n.clients.calls().size() == before);
  CHECK(n.board.state(id) == process_state::offline);
}

TEST_CASE("a stopped board announces nothing", "[board]") {
  live_node n;
  n.launch();
  n.board.stop();
  const auto before = n.clients.calls().size();
  n.streams.say(uuid, "late");
  n.board.set_state(id, process_state::offline);
  CHECK(n.clients.calls().size() == before);
}
