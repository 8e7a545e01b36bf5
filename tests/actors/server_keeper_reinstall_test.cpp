// What the keeper of servers does about reinstallations that have ended.
#include "tests/actors/reinstall_node.hpp"

#include <chrono>
#include <future>
#include <string>
#include <string_view>

using namespace alula;
using namespace alula::actors_test;
using jobs::job_state;
using jobs::process_state;
using namespace std::chrono_literals;

TEST_CASE("a server that a reinstallation has only stopped is started again",
          "[life]") {
  reinstall_node n;
  SECTION("also when the keeper misses the end") {
    n.settings.subscriber_lag = 1;
  }
  SECTION("as soon as it has ended") {}
  n.begin();
  n.end_of(n.power("start"));
  const auto job = n.reinstall_until_stopped();
  REQUIRE(n.cancel(job));
  CHECK(n.end_of(job).state == job_state::cancelled);
  n.eventually([&] { return n.calls("start " + n.name(1)) == 2; });
  n.eventually([&] { return n.state() == process_state::starting; });
  CHECK(n.known(1).wanted_up);
  CHECK(n.has_said_that_it_starts_again());
}

TEST_CASE("a server that a reinstallation has left on its way down is awaited, "
          "and started again",
          "[life]") {
  std::promise<void> asked;
  int times = 0;
  reinstall_node n;
  n.begin();
  n.end_of(n.power("start"));
  n.fakes.streams.on_write = [&](std::string_view name, std::string_view) {
    if (++times == 1)
      asked.set_value();
    else
      n.die(std::string{name}, 0);
  };
  const auto job = n.reinstall();
  asked.get_future().wait();
  REQUIRE(n.cancel(job));
  CHECK(n.end_of(job).state == job_state::cancelled);
  n.eventually([&] { return n.calls("start " + n.name(1)) == 2; });
  n.eventually([&] { return n.state() == process_state::starting; });
  CHECK(n.known(1).wanted_up);
}

TEST_CASE("a server that was reinstalled stays down", "[life]") {
  reinstall_node n;
  n.begin();
  n.end_of(n.power("start"));
  auto ends_as = job_state::succeeded;
  SECTION("when it went well") {}
  SECTION("when it went wrong after the script") {
    ends_as = job_state::failed;
    n.volumes.fail_next("take_ownership", n.in_the_way());
  }
  CHECK(n.end_of(n.reinstall()).state == ends_as);
  n.seen_all();
  CHECK_FALSE(n.known(1).wanted_up);
  CHECK(n.state() == process_state::offline);
  CHECK(n.power_jobs() == 1);
}

TEST_CASE("a reinstallation that was cancelled in line starts nothing",
          "[life]") {
  reinstall_node n;
  n.begin();
  n.fail_a_start();
  REQUIRE(n.pause("power"));
  const auto job = n.reinstall();
  REQUIRE(n.cancel(job));
  CHECK(n.end_of(job).state == job_state::cancelled);
  REQUIRE(n.resume("power"));
  n.seen_all();
  CHECK(n.power_jobs() == 1);
}

TEST_CASE("a reinstallation that had nothing to stop starts nothing",
          "[life]") {
  reinstall_node n;
  n.begin();
  n.fail_a_start();
  const auto job = n.reinstall_until_stopped();
  REQUIRE(n.cancel(job));
  CHECK(n.end_of(job).state == job_state::cancelled);
  n.seen_all();
  CHECK(n.power_jobs() == 1);
  CHECK(n.known(1).wanted_up);
}

TEST_CASE("a server that was suspended meanwhile is not started again",
          "[life]") {
  reinstall_node n;
  n.begin();
  n.end_of(n.power("start"));
  const auto job = n.reinstall_until_stopped();
  n.ledger->amend({jobs::set_server_config{.server = server_number(1),
                                           .config = n.known(1).config,
                                           .suspended = true}},
                  [](const jobs::status&) {});
  n.eventually(
      [&] { return n.engine->find_server(server_number(1))->suspended; });
  REQUIRE(n.cancel(job));
  CHECK(n.end_of(job).state == job_state::cancelled);
  n.seen_all();
  CHECK(n.power_jobs() == 1);
}

TEST_CASE("a server that is deleted meanwhile is not started again", "[life]") {
  reinstall_node n;
  SECTION("also when the keeper misses the end") {
    n.settings.subscriber_lag = 1;
  }
  SECTION("as soon as it has ended") {}
  n.begin();
  n.end_of(n.power("start"));
  const auto job = n.reinstall_until_stopped();
  n.containers.set_down(true);
  const auto deletion = n.submit(jobs::delete_server, 1);
  // It has sent the reinstallation away, and goes no further.
  n.until_reason(deletion, "DockerUnavailable");
  CHECK(n.end_of(job).state == job_state::cancelled);
  n.containers.set_down(false);
  n.seen_all();
  CHECK(n.known(1).state == jobs::server_state::deleting);
  CHECK(n.known(1).wanted_up);
  CHECK(n.power_jobs() == 1);
  CHECK_FALSE(n.has_said_that_it_starts_again());
}

TEST_CASE("a transfer that was cancelled behind a reinstallation, before it "
          "stopped anything, lets its server be started again",
          "[life]") {
  reinstall_node n;
  n.rules.starts_at_once = 1;
  n.begin();
  for (const int i : {1, 2, 3})
    n.end_of(n.power("start", i));
  const auto job = n.reinstall_until_stopped();
  REQUIRE(n.pause("lifecycle"));
  const auto transfer = n.transfer();
  n.cancel_and_let_keeper_hear(job);
  CHECK(n.power_jobs() == 1);
  SECTION("in line") {}
  SECTION("while it waits for Docker to say whether the server runs") {
    n.let_wait_for_docker(transfer);
  }
  REQUIRE(n.cancel(transfer));
  const auto ended = n.end_of(transfer);
  CHECK(ended.state == job_state::cancelled);
  CHECK(ended.find_step("stop")->started_at == 0);
  n.containers.set_down(false);
  n.pass_until(1'000ms, [&] { return n.state() == process_state::starting; });
}

TEST_CASE("an installation that was cancelled in line behind a reinstallation "
          "lets its server be started again",
          "[life]") {
  reinstall_node n;
  n.rules.starts_at_once = 1;
  SECTION("one that was installed here") {
    n.record(1).install = jobs::install_state::done;
    n.record(1).installed_at = 1;
  }
  SECTION("one that was installed elsewhere") {}
  n.begin();
  for (const int i : {1, 2, 3})
    n.end_of(n.power("start", i));
  const auto job = n.reinstall_until_stopped();
  const auto install = n.submit(jobs::server_install, 1);
  n.cancel_and_let_keeper_hear(job);
  CHECK(n.power_jobs() == 1);
  REQUIRE(n.cancel(install));
  CHECK(n.end_of(install).state == job_state::cancelled);
  n.eventually([&] { return n.state() == process_state::starting; });
  CHECK(n.known(1).wanted_up);
}
