// What the keeper of servers does about reinstallations that have ended.
#include "tests/actors/life_node.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <string>
#include <string_view>

using namespace alula;
using namespace alula::actors_test;
using jobs::job_state;
using jobs::process_state;
using namespace std::chrono_literals;

namespace {

/// Server 2 is for seen_all(). `install` is paused where a test wants a
/// reinstallation that has stopped its server and goes no further.
struct reinstall_node : life_node {
  reinstall_node() : life_node(3) {}

  jobs::job_id reinstall() { return submit(jobs::server_reinstall, 1); }

  /// Its server is down, and nothing else has happened.
  jobs::job_id reinstall_until_stopped() {
    REQUIRE(pause("install"));
    const auto job = reinstall();
    until(job, [](const jobs::job_record& now) {
      return now.find_step("stop")->state == jobs::step_state::done;
    });
    CHECK(state() == process_state::offline);
    return job;
  }

  /// The keeper has heard of all that has ended until now: of what ends later
  /// as well.
  void seen_all() {
    REQUIRE(resume("install"));
    submit(jobs::server_install, 2, R"({"start_on_completion":true})");
    eventually([&] { return state(2) == process_state::starting; });
    keeper->settle();
  }

  /// Servers 2 and 3 run, and starts are asked for one at a time.
  void cancel_and_let_keeper_hear(const jobs::job_id& job) {
    REQUIRE(pause("power"));
    for (const int i : {2, 3})
      die(name(i), 3);
    REQUIRE(cancel(job));
    CHECK(end_of(job).state == job_state::cancelled);
    REQUIRE(resume("power"));
    // The second of them is asked for when the keeper has heard of the first's
    // end, and so of the job's.
    for (const int i : {2, 3})
      eventually([&] { return calls("start " + name(i)) == 2; });
  }

  jobs::job_id transfer() {
    return submit(jobs::transfer_server, 1,
                  R"({"url":"https://other.example/api","token":"Bearer t"})");
  }

  /// One that a pause of its pool has kept from beginning.
  void let_wait_for_docker(const jobs::job_id& transfer) {
    containers.set_down(true);
    REQUIRE(resume("lifecycle"));
    until_reason(transfer, "DockerUnavailable");
    CHECK(now(transfer).find_step("look")->started_at != 0);
  }

  /// To its console.
  bool has_said_that_it_starts_again() {
    return std::ranges::any_of(audience.calls(), [&](const std::string& call) {
      return call.find(name(1)) != std::string::npos
             && call.find("the server is started again") != std::string::npos;
    });
  }

  std::size_t power_jobs(int server = 1) {
    return all_power_jobs(server).size();
  }
  jobs::job_record last_power_job() { return all_power_jobs(1).at(0); }
  std::vector<jobs::job_record> all_power_jobs(int server) {
    return queries
        .list_jobs({.server = server_number(server), .kind = "server.power"}, 0,
                   100)
        .value()
        .items;
  }

  /// Wanted up, and offline: its start has failed.
  void fail_a_start() {
    volumes.fail_next("take_ownership", in_the_way());
    CHECK(end_of(power("start")).state == job_state::failed);
    CHECK(known(1).wanted_up);
    CHECK(state() == process_state::offline);
  }

  static jobs::fault in_the_way() {
    return {.code = jobs::fault_code::volume_obstructed,
            .what = "a mount is in the way"};
  }
};

} // namespace

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

TEST_CASE("a server of which the keeper misses an end is started again also "
          "while a job lives that decides nothing",
          "[life]") {
  reinstall_node n;
  n.settings.subscriber_lag = 1;
  n.begin();
  n.end_of(n.power("start"));
  const auto job = n.reinstall_until_stopped();
  REQUIRE(n.pause("power"));
  const auto sync = n.submit(jobs::server_sync, 1);
  REQUIRE(n.cancel(job));
  CHECK(n.end_of(job).state == job_state::cancelled);
  n.eventually([&] { return n.power_jobs() == 2; });
  CHECK_FALSE(n.now(sync).is_done());
  REQUIRE(n.resume("power"));
  n.eventually([&] { return n.state() == process_state::starting; });
}

TEST_CASE("an end that the keeper misses while a transfer is in line is known "
          "when that has ended",
          "[life]") {
  reinstall_node n;
  n.settings.subscriber_lag = 1;
  n.begin();
  n.end_of(n.power("start"));
  const auto job = n.reinstall_until_stopped();
  REQUIRE(n.pause("lifecycle"));
  const auto transfer = n.transfer();
  REQUIRE(n.cancel(job));
  CHECK(n.end_of(job).state == job_state::cancelled);
  // The looks at the servers after this one's start are later than that end.
  n.pass(60s);
  n.end_of(n.power("start", 2));
  n.keeper->settle();
  n.let_wait_for_docker(transfer);
  REQUIRE(n.cancel(transfer));
  CHECK(n.end_of(transfer).state == job_state::cancelled);
  n.containers.set_down(false);
  n.pass_until(1'000ms, [&] { return n.state() == process_state::starting; });
}

TEST_CASE("an end that the keeper misses while an installation is in line is "
          "known when that end is missed as well",
          "[life]") {
  reinstall_node n;
  n.settings.subscriber_lag = 1;
  n.store->tells_panel = true; // a second event with each end
  n.begin();
  n.end_of(n.power("start"));
  const auto job = n.reinstall_until_stopped();
  const auto install = n.submit(jobs::server_install, 1);
  REQUIRE(n.cancel(job));
  CHECK(n.end_of(job).state == job_state::cancelled);
  // The looks at the servers after this one's start are later than that end.
  n.pass(60s);
  n.end_of(n.power("start", 2));
  n.keeper->settle();
  CHECK(n.power_jobs() == 1);
  REQUIRE(n.cancel(install));
  const auto ended = n.end_of(install);
  CHECK(ended.state == job_state::cancelled);
  CHECK(ended.find_step("begin")->started_at == 0);
  n.pass_until(1'000ms, [&] { return n.state() == process_state::starting; });
}

TEST_CASE("a start that a transfer has kept out is made up for when that is "
          "cancelled in line",
          "[life]") {
  reinstall_node n;
  n.rules.starts_at_once = 1;
  SECTION("also when the keeper misses the end") {
    n.settings.subscriber_lag = 1;
    n.store->tells_panel = true; // a second event with each end
  }
  SECTION("as soon as it has ended") {}
  n.begin();
  for (const int i : {1, 2})
    n.end_of(n.power("start", i));
  const auto job = n.reinstall_until_stopped();
  REQUIRE(n.pause("power"));
  n.die(n.name(2), 3); // its start holds the only place
  n.eventually([&] { return n.power_jobs(2) == 2; });
  REQUIRE(n.cancel(job));
  CHECK(n.end_of(job).state == job_state::cancelled);
  n.eventually([&] { return n.has_said_that_it_starts_again(); });
  // A look at the servers that is later than that end.
  n.pass(60s);
  n.until(n.submit(jobs::delete_server, 3), [](const jobs::job_record& now) {
    return now.find_step("announce")->state == jobs::step_state::done;
  });
  n.keeper->settle();
  REQUIRE(n.pause("lifecycle"));
  const auto transfer = n.transfer();
  const auto refused = log_book().count("start-refused");
  REQUIRE(n.resume("power"));
  REQUIRE(log_book().wait_for("start-refused", refused + 1));
  n.keeper->settle();
  CHECK(n.power_jobs() == 1);
  REQUIRE(n.cancel(transfer));
  CHECK(n.end_of(transfer).state == job_state::cancelled);
  REQUIRE(n.resume("lifecycle"));
  n.pass_until(1'000ms, [&] { return n.state() == process_state::starting; });
}

TEST_CASE("a reinstallation of long ago starts no server whose start after it "
          "has failed",
          "[life]") {
  reinstall_node n;
  n.begin();
  n.end_of(n.power("start"));
  const auto job = n.reinstall_until_stopped();
  n.volumes.fail_next("take_ownership", n.in_the_way());
  REQUIRE(n.cancel(job));
  CHECK(n.end_of(job).state == job_state::cancelled);
  n.eventually(
      [&] { return n.power_jobs() == 2 && n.last_power_job().is_done(); });
  REQUIRE(n.pause("lifecycle"));
  const auto transfer = n.transfer();
  REQUIRE(n.cancel(transfer));
  CHECK(n.end_of(transfer).state == job_state::cancelled);
  REQUIRE(n.resume("lifecycle"));
  n.seen_all();
  CHECK(n.power_jobs() == 2);
  CHECK(n.state() == process_state::offline);
}

TEST_CASE("missed events start no server whose last start has failed",
          "[life]") {
  reinstall_node n;
  n.settings.subscriber_lag = 1;
  n.record(1).install = jobs::install_state::failed;
  n.record(1).installed_at = 1;
  n.begin();
  n.fail_a_start();
  n.seen_all();
  CHECK(n.power_jobs() == 1);
}
