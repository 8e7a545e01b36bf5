// What the keeper of servers does about ends that it has not heard of.
#include "tests/actors/reinstall_node.hpp"

#include <chrono>

using namespace alula;
using namespace alula::actors_test;
using jobs::job_state;
using jobs::process_state;
using namespace std::chrono_literals;

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
