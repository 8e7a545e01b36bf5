#include "actors/server_keeper.hpp"
#include "tests/actors/life_node.hpp"
#include "tests/doubles/hung_list.hpp"

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <unistd.h>
#include <utility>

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::job_state;
using jobs::process_state;

TEST_CASE("a server is started, is up, and is stopped", "[life]") {
  life_node n;
  n.begin();
  CHECK(n.end_of(n.power("start")).state == job_state::succeeded);
  CHECK(n.state() == process_state::starting);
  CHECK(n.known(1).wanted_up);
  n.say("the server is up");
  CHECK(n.state() == process_state::running);
  CHECK(n.end_of(n.power("stop")).state == job_state::succeeded);
  CHECK(n.state() == process_state::offline);
  CHECK_FALSE(n.known(1).wanted_up);
  CHECK(n.known(1).crashed_at == 0);
}

TEST_CASE("a kill waits behind no stop, and nothing comes after it", "[life]") {
  life_node n;
  n.obeys = false;
  n.begin();
  n.end_of(n.power("start"));
  const auto stop = n.power("stop");
  n.eventually([&] { return n.state() == process_state::stopping; });
  const auto restart = n.power("restart");
  CHECK(n.end_of(n.power("kill")).state == job_state::succeeded);
  CHECK(n.end_of(stop).state == job_state::cancelled);
  CHECK(n.end_of(restart).state == job_state::cancelled);
  CHECK(n.state() == process_state::offline);
  CHECK_FALSE(n.containers.inspect(n.name(1)).value()->running);
}

TEST_CASE("a stop cancels a start that waits for Docker", "[life]") {
  life_node n;
  n.begin();
  n.containers.set_down(true);
  const auto start = n.power("start");
  n.until_reason(start, "DockerUnavailable");
  const auto stop = n.power("stop");
  CHECK(n.end_of(start).state == job_state::cancelled);
  n.containers.set_down(false);
  n.pass_until(1'000ms, [&] { return n.now(stop).is_done(); });
  CHECK(n.end_of(stop).state == job_state::succeeded);
  CHECK(n.state() == process_state::offline);
}

TEST_CASE("a server that crashes is started again, once", "[life]") {
  life_node n;
  n.begin();
  n.end_of(n.power("start"));
  n.die(n.name(1), 3);
  n.eventually([&] { return n.calls("start " + n.name(1)) == 2; });
  n.eventually([&] { return n.state() == process_state::starting; });
  CHECK(n.known(1).crash_exit_code == 3);
  CHECK(n.known(1).wanted_up);
  n.die(n.name(1), 4);
  n.eventually([&] { return n.known(1).crash_exit_code == 4; });
  n.eventually([&] { return !n.known(1).wanted_up; });
  n.keeper->settle();
  CHECK(n.state() == process_state::offline);
  CHECK(n.calls("start " + n.name(1)) == 2);
}

TEST_CASE("a crash that came too soon keeps no later one from a start",
          "[life]") {
  life_node n;
  n.begin();
  n.end_of(n.power("start"));
  n.die(n.name(1), 3);
  n.eventually([&] { return n.calls("start " + n.name(1)) == 2; });
  n.eventually([&] { return n.state() == process_state::starting; });
  n.pass(40s);
  n.die(n.name(1), 4); // too soon, and left
  n.eventually([&] { return !n.known(1).wanted_up; });
  n.eventually([&] { return n.state() == process_state::offline; });
  CHECK(n.end_of(n.power("start")).state == job_state::succeeded);
  n.pass(40s); // 80 s after the one that was answered, 40 s after the other
  n.die(n.name(1), 5);
  n.eventually([&] { return n.calls("start " + n.name(1)) == 4; });
  CHECK(n.known(1).wanted_up);
}

TEST_CASE("what dockerd has ended by stopping is started when it is back",
          "[life]") {
  life_node n{3};
  n.rules.crashes.clean_exit_is_crash = false;
  n.begin();
  for (const int i : {1, 2})
    n.end_of(n.power("start", i));
  n.die(n.name(1), 0); // by itself, a while before
  n.eventually([&] { return !n.known(1).wanted_up; });
  n.pass(60s);
  n.die(n.name(2), 0);
  n.eventually([&] { return !n.known(2).wanted_up; });
  n.containers.set_down(true);
  REQUIRE(n.fakes.streams.go_away(
      {.code = jobs::fault_code::docker_unavailable, .what = "it stops"}));
  n.eventually([&] { return n.known(2).wanted_up; });
  n.containers.set_down(false);
  n.pass_until(1'000ms, [&] { return n.state(2) == process_state::starting; });
  CHECK_FALSE(n.known(1).wanted_up);
  CHECK(n.state(1) == process_state::offline);
  CHECK(n.state(3) == process_state::offline);
}

TEST_CASE("a server whose crashes are not watched stays down", "[life]") {
  life_node n;
  n.rules.crashes.enabled = false;
  n.begin();
  n.end_of(n.power("start"));
  n.die(n.name(1), 3);
  n.eventually([&] { return !n.known(1).wanted_up; });
  n.keeper->settle();
  CHECK(n.calls("start " + n.name(1)) == 1);
}

TEST_CASE("a crash that is left does not undo a start asked for before it is "
          "noticed",
          "[life]") {
  std::promise<void> release;
  const auto released = release.get_future().share();
  std::atomic<bool> holds = false;
  std::atomic<bool> held = false;
  life_node n;
  struct once {
    std::promise<void>& promise;
    bool is_done = false;
    void set() {
      if (!std::exchange(is_done, true))
        promise.set_value();
    }
    ~once() { set(); }
  } let_go{release};
  n.rules.crashes.enabled = false;
  n.containers.before_destroy = [&holds, &held, released](std::string_view) {
    if (!holds)
      return;
    held = true;
    released.wait();
  };
  n.begin();
  n.end_of(n.power("start"));
  holds = true;
  n.containers.exit(n.name(1), 3);
  const auto start = n.power("start");
  n.eventually([&] { return held.load(); });
  n.fakes.streams.end(n.name(1));
  n.eventually([&] { return n.known(1).crash_exit_code == 3; });
  n.keeper->settle();
  const bool stays_wanted = n.known(1).wanted_up;
  let_go.set();
  CHECK(stays_wanted);
  CHECK(n.end_of(start).state == job_state::succeeded);
  CHECK(n.state() == process_state::starting);
}

TEST_CASE("a boot starts what is wanted up and leaves the rest", "[life]") {
  life_node n{5};
  n.record(1).wanted_up = true;
  n.record(3).wanted_up = true;
  n.record(3).suspended = true;
  n.record(4).wanted_up = true;
  n.record(4).quarantined_at = 1;
  n.record(5).wanted_up = true; // its delete was interrupted (trap 113)
  n.record(5).state = jobs::server_state::deleting;
  n.begin();
  n.eventually([&] { return n.state(1) == process_state::starting; });
  n.keeper->settle();
  for (const int other : {2, 3, 4, 5})
    CHECK(n.calls("start " + n.name(other)) == 0);
}

TEST_CASE("a server whose stop command was typed is not started by a boot",
          "[life]") {
  life_node n;
  n.begin();
  n.end_of(n.power("start"));
  n.say("the server is up");
  REQUIRE(n.board.write(server_number(1), "stop"));
  n.eventually([&] { return !n.known(1).wanted_up; });
}

TEST_CASE("a restart that says the stop command wants it up all the same",
          "[life]") {
  life_node n;
  n.begin();
  n.end_of(n.power("start"));
  n.say("the server is up");
  CHECK(n.end_of(n.power("restart")).state == job_state::succeeded);
  CHECK(n.known(1).wanted_up);
}

TEST_CASE("a boot starts a few at a time", "[life]") {
  life_node n{5};
  n.rules.starts_at_once = 2;
  n.begin_with_all_up();
  for (int i = 1; i <= 5; ++i)
    n.eventually([&] { return n.state(i) == process_state::starting; });
}

TEST_CASE("a start that hangs holds no other server's up", "[life]") {
  std::promise<void> release;
  const auto released = release.get_future().share();
  life_node n{3};
  struct at_the_end {
    std::promise<void>& promise;
    ~at_the_end() { promise.set_value(); }
  } let_go{release};
  n.rules.starts_at_once = 1;
  n.rules.start_patience = 50ms;
  n.containers.before_destroy = [&n, released](std::string_view name) {
    if (name == n.name(1))
      released.wait();
  };
  n.begin_with_all_up();
  n.eventually([&] { return n.state(2) == process_state::starting; });
  n.eventually([&] { return n.state(3) == process_state::starting; });
  CHECK(n.calls("start " + n.name(1)) == 0);
}

TEST_CASE("starts that wait for Docker keep their places", "[life]") {
  constexpr int last = 8;
  life_node n{last};
  n.rules.starts_at_once = 1;
  n.rules.start_patience = 50ms;
  n.containers.set_down(true);
  n.begin_with_all_up();
  const auto asked_for = [&] {
    int count = 0;
    for (int i = 1; i <= last; ++i)
      count += n.engine->live_jobs(server_number(i)).empty() ? 0 : 1;
    return count;
  };
  n.pass_until(0ms, [&] { return asked_for() > 0; });
  // Impatience would have come to all of them by then.
  const auto limit = std::chrono::steady_clock::now() + 1s;
  n.pass_until(0ms, [&] {
    return asked_for() > 1 || std::chrono::steady_clock::now() > limit;
  });
  CHECK(asked_for() == 1);
  n.containers.set_down(false);
  for (int i = 1; i <= last; ++i)
    n.pass_until(1'000ms,
                 [&] { return n.state(i) == process_state::starting; });
}

TEST_CASE("a boot starts all of them although the keeper misses their ends",
          "[life]") {
  life_node n{5};
  n.settings.subscriber_lag = 1; // the commit of a step says more than that
  n.rules.starts_at_once = 1;
  n.begin_with_all_up();
  for (int i = 1; i <= 5; ++i)
    n.eventually([&] { return n.state(i) == process_state::starting; });
}

TEST_CASE("a server made while the keeper misses events is started", "[life]") {
  life_node n;
  n.settings.subscriber_lag = 1;
  n.begin();
  const auto made =
      n.submit(jobs::create_server, 9,
               R"({"uuid":")" + n.name(9) + R"(","start_on_completion":true,)"
                   + R"("settings":{"container":{"image":"game:1"}},)"
                   + R"("process_configuration":{"startup":{"done":["up"]},)"
                   + R"("stop":{"type":"command","value":"stop"}}})");
  CHECK(n.end_of(made).state == job_state::succeeded);
  n.eventually([&] { return n.state(9) == process_state::starting; });
}

TEST_CASE("a boot listens to what runs, and makes it no new container",
          "[life]") {
  life_node n;
  n.containers.put("c0ffee", n.name(1), true);
  n.record(1).wanted_up = true;
  n.begin();
  n.eventually([&] { return n.state() == process_state::running; });
  n.keeper->settle();
  CHECK(n.fakes.streams.is_attached(n.name(1)));
  CHECK(n.containers.has("c0ffee"));
  CHECK(n.calls("start " + n.name(1)) == 0);
}

TEST_CASE("a stop ends a boot's list that dockerd does not answer, and nothing "
          "is started by it",
          "[life]") {
  jobs::hung_list list;
  life_node n;
  n.containers.before_list = std::ref(list);
  n.begin_with_all_up();
  REQUIRE(list.is_asked());
  n.keeper->stop();
  CHECK(list.was_stopped());
  CHECK(n.queries.list_jobs({}, 0, 10).value().items.empty());
}

TEST_CASE("a server that runs and was suspended meanwhile is stopped",
          "[life]") {
  life_node n;
  n.containers.put("c0ffee", n.name(1), true);
  n.record(1).suspended = true;
  n.begin();
  n.eventually([&] { return n.calls("inspect " + n.name(1)) > 0; });
  n.eventually([&] {
    return n.state() == process_state::offline
           && !n.containers.inspect(n.name(1)).value()->running;
  });
}

TEST_CASE("a server whose first installation failed is not started by a boot",
          "[life]") {
  life_node n;
  n.record(1).wanted_up = true;
  n.record(1).install = jobs::install_state::wanted;
  n.volumes.fail_next("take_ownership",
                      {.code = jobs::fault_code::volume_obstructed,
                       .what = "a mount is in the way"});
  n.begin();
  n.eventually([&] {
    return n.known(1).install == jobs::install_state::failed
           && !n.known(1).wanted_up;
  });
  n.keeper->settle();
  CHECK(n.calls("start " + n.name(1)) == 0);

  // Whoever tries it again wants of it what was wanted at first.
  const auto failed =
      n.queries
          .list_jobs({.server = server_number(1), .kind = "server.install"}, 0,
                     1)
          .value()
          .items.at(0)
          .id;
  const auto again = n.retry(failed);
  REQUIRE(again);
  CHECK(n.end_of(again->job->record().id).state == job_state::succeeded);
  n.eventually([&] { return n.state() == process_state::starting; });
}

TEST_CASE("a suspended server that dockerd shows late is stopped", "[life]") {
  life_node n;
  n.record(1).suspended = true;
  n.containers.put("c0ffee", n.name(1), true);
  n.containers.set_down(true);
  n.begin();
  n.keeper->settle();
  n.containers.set_down(false);
  n.fakes.streams.miss();
  n.eventually([&] {
    return n.state() == process_state::offline
           && !n.containers.inspect(n.name(1)).value()->running;
  });
}

TEST_CASE("the states that Wings has left are read once", "[life]") {
  std::string file = "/tmp/alula-states-XXXXXX";
  const int fd = ::mkstemp(file.data());
  REQUIRE(fd >= 0);
  ::close(fd);
  life_node n{2};
  std::ofstream{file} << R"({")" << n.name(1) << R"(":"running",")" << n.name(2)
                      << R"(":"offline","x":7})";
  n.rules.states_file = file;
  n.begin();
  n.eventually([&] { return n.state(1) == process_state::starting; });
  CHECK(n.known(1).wanted_up);
  CHECK_FALSE(n.known(2).wanted_up);
  n.eventually([&] { return !n.queries.list_schedules().value().empty(); });
  ::unlink(file.c_str());
}

TEST_CASE("a server over its quota is stopped and wanted down", "[life]") {
  life_node n;
  n.record(1).config.replace(n.record(1).config.find(R"("settings":{)"), 12,
                             R"("settings":{"build":{"disk_space":1},)");
  n.begin();
  n.end_of(n.power("start"));
  n.board.set_disk_usage(server_number(1), 2 << 20);
  n.fakes.streams.sample(n.name(1), {});
  n.eventually([&] { return n.state() == process_state::offline; });
  CHECK_FALSE(n.known(1).wanted_up);
}
