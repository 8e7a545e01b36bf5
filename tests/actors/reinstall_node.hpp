/// A node whose servers are reinstalled, and what its keeper makes of it.
#pragma once

#include "jobs/catalog.hpp"
#include "tests/actors/life_node.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace alula::actors_test {

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
    CHECK(state() == jobs::process_state::offline);
    return job;
  }

  /// The keeper has heard of all that has ended until now: of what ends later
  /// as well.
  void seen_all() {
    REQUIRE(resume("install"));
    submit(jobs::server_install, 2, R"({"start_on_completion":true})");
    eventually([&] { return state(2) == jobs::process_state::starting; });
    keeper->settle();
  }

  /// Servers 2 and 3 run, and starts are asked for one at a time.
  void cancel_and_let_keeper_hear(const jobs::job_id& job) {
    REQUIRE(pause("power"));
    for (const int i : {2, 3})
      die(name(i), 3);
    REQUIRE(cancel(job));
    CHECK(end_of(job).state == jobs::job_state::cancelled);
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
    CHECK(end_of(power("start")).state == jobs::job_state::failed);
    CHECK(known(1).wanted_up);
    CHECK(state() == jobs::process_state::offline);
  }

  static jobs::fault in_the_way() {
    return {.code = jobs::fault_code::volume_obstructed,
            .what = "a mount is in the way"};
  }
};

} // namespace alula::actors_test
