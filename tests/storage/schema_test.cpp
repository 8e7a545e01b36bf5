// Every illegal state of jobs and steps that the database refuses by itself,
// one section each.
#include "jobs/job.hpp"
#include "tests/storage/schema_place.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace alula;
using namespace alula::storage;
using Catch::Contains;

TEST_CASE("the schema refuses jobs in the wrong state") {
  schema s;

  SECTION("a job that does not start queued") {
    CHECK_THAT(s.refusal(s.job_values(2, "node", "'succeeded', 1")),
               Contains("starts queued"));
    CHECK_THAT(s.refusal(s.job_values(2, "node", "'queued', 2")),
               Contains("starts queued"));
  }
  SECTION("an unknown state") {
    CHECK_THAT(s.refusal(s.update(1, "state = 'sleeping'")),
               Contains("illegal job transition"));
  }
  SECTION("queued to succeeded") {
    s.add_job(2, "node");
    CHECK_THAT(s.refusal(s.update(2, "state = 'succeeded', finished_at = 1")),
               Contains("illegal job transition"));
  }
  SECTION("running without a boot") {
    CHECK_THAT(s.refusal(s.update(1, "state = 'running'")), Contains("CHECK"));
  }
  SECTION("running for an older boot") {
    CHECK_THAT(s.refusal(s.update(1, "state = 'running', boot = 1")),
               Contains("that boot is over"));
  }
  SECTION("running for a boot that is not there") {
    CHECK_THAT(s.refusal(s.update(1, "state = 'running', boot = 3")),
               Contains("that boot is over"));
  }
  SECTION("going on after a newer boot without being adopted") {
    s.run(1);
    s.must("INSERT INTO boots(started_at, kernel_boot_id, version)"
           " VALUES (3, 'k', 'v')");
    CHECK_THAT(s.refusal(s.update(1, "message = 'x'")),
               Contains("that boot is over"));
    CHECK_THAT(s.refusal(s.update(1, "state = 'retry_wait', boot = NULL")),
               Contains("a boot that is over"));
    CHECK_THAT(s.refusal(s.update(1, "state = 'queued', boot = NULL")),
               Contains("a boot that is over"));
    CHECK(s.refusal(s.update(1, "boot = 3")).empty());
  }
  SECTION("a boot on a job that does not run") {
    CHECK_THAT(s.refusal(s.update(1, "boot = 2")), Contains("CHECK"));
  }
  SECTION("a version that does not step") {
    CHECK_THAT(s.refusal("UPDATE jobs SET message = 'x' WHERE job_row = 1"),
               Contains("version steps by one"));
  }
  SECTION("a version that skips") {
    CHECK_THAT(
        s.refusal("UPDATE jobs SET version = version + 2 WHERE job_row = 1"),
        Contains("version steps by one"));
  }
  SECTION("success with an unfinished step") {
    s.run(1);
    CHECK_THAT(s.refusal(s.update(
                   1, "state = 'succeeded', boot = NULL, finished_at = 1")),
               Contains("unfinished step"));
  }
  SECTION("success with an error") {
    s.run(1);
    s.finish_steps(1);
    CHECK_THAT(s.refusal(s.update(1, "state = 'succeeded', boot = NULL,"
                                     " finished_at = 1, error = '{}'")),
               Contains("CHECK"));
  }
  SECTION("an end without a time, and a time without an end") {
    s.run(1);
    s.finish_steps(1);
    CHECK_THAT(s.refusal(s.update(1, "state = 'succeeded', boot = NULL")),
               Contains("CHECK"));
    CHECK_THAT(s.refusal(s.update(1, "finished_at = 1")), Contains("CHECK"));
    CHECK_THAT(s.refusal(s.update(1, "expires_at = 1")), Contains("CHECK"));
  }
  SECTION("failed or parked without an error") {
    s.run(1);
    CHECK_THAT(s.refusal(s.update(
                   1, "state = 'failed', boot = NULL, finished_at = 1")),
               Contains("CHECK"));
    CHECK_THAT(s.refusal(s.update(1, "state = 'parked', boot = NULL")),
               Contains("CHECK"));
  }
  SECTION("a pivot taken back") {
    s.must(s.update(1, "past_pivot = 1"));
    CHECK_THAT(s.refusal(s.update(1, "past_pivot = 0")),
               Contains("pivot cannot be taken back"));
  }
  SECTION("cancelled past the pivot") {
    s.must(s.update(1, "past_pivot = 1"));
    CHECK_THAT(s.refusal(s.update(1, "state = 'cancelled', finished_at = 1,"
                                     " cancel_requested_at = 1")),
               Contains("CHECK"));
  }
  SECTION("cancelled with a step that is not undone") {
    s.run(1);
    s.must("UPDATE job_steps SET state = 'started', started_at = 1"
           " WHERE job_row = 1 AND seq = 0");
    s.must(s.update(1, "state = 'cancelling'"));
    CHECK_THAT(s.refusal(s.update(
                   1, "state = 'cancelled', boot = NULL, finished_at = 1,"
                      " cancel_requested_at = 1")),
               Contains("not undone"));
  }
  SECTION("a job that has ended and changes") {
    s.succeed(1);
    CHECK_THAT(s.refusal(s.update(1, "message = 'x'")),
               Contains("has ended does not change"));
  }
  SECTION("a job that has ended and is opened again") {
    s.succeed(1);
    CHECK_THAT(s.refusal(s.update(1, "state = 'queued', finished_at = NULL")),
               Contains("has ended does not change"));
  }
  SECTION("a live job that is deleted") {
    CHECK_THAT(s.refusal("DELETE FROM jobs WHERE job_row = 1"),
               Contains("live job keeps its record"));
  }
  SECTION("a job that becomes another one") {
    for (const auto* set :
         {"kind = 'other'", "id = lower(id)", "input = '{}'", "lane = lane",
          "dedup_key = 'x'", "created_at = 2", "server_row = NULL"})
      CHECK_THAT(s.refusal(s.update(1, set)),
                 Contains("what was asked does not change"));
  }
}

TEST_CASE("the schema refuses steps out of their order") {
  schema s;
  const auto set = [](int seq, const std::string& what) {
    return "UPDATE job_steps SET " + what
           + " WHERE job_row = 1 AND seq = " + std::to_string(seq);
  };

  SECTION("the second before the first") {
    s.run(1);
    CHECK_THAT(s.refusal(set(1, "state = 'started', started_at = 1")),
               Contains("step out of order"));
  }
  SECTION("done without having started") {
    CHECK_THAT(
        s.refusal(set(0, "state = 'done', started_at = 1, finished_at = 1")),
        Contains("illegal step transition"));
  }
  SECTION("done without a time") {
    s.run(1);
    s.must(set(0, "state = 'started', started_at = 1"));
    CHECK_THAT(s.refusal(set(0, "state = 'done'")), Contains("CHECK"));
  }
  SECTION("started without a time") {
    s.run(1);
    CHECK_THAT(s.refusal(set(0, "state = 'started'")), Contains("CHECK"));
  }
  SECTION("done again as if it had not been") {
    s.run(1);
    s.finish_steps(1);
    CHECK_THAT(s.refusal(set(0, "state = 'started', finished_at = NULL")),
               Contains("illegal step transition"));
  }
  SECTION("undone and then done") {
    s.run(1);
    s.must(set(0, "state = 'started', started_at = 1"));
    s.must(set(0, "state = 'undoing'"));
    s.must(set(0, "state = 'undone', finished_at = 1"));
    CHECK_THAT(s.refusal(set(0, "state = 'done'")),
               Contains("illegal step transition"));
  }
  SECTION("a plan that changes") {
    CHECK_THAT(s.refusal(set(0, "name = 'other'")),
               Contains("plan of a job does not change"));
  }
  SECTION("a step that is born done") {
    CHECK_THAT(
        s.refusal("INSERT INTO job_steps(job_row, seq, name, class, state,"
                  " started_at, finished_at)"
                  " VALUES (1, 2, 'third', 'retriable', 'done', 1, 1)"),
        Contains("a step starts pending"));
  }
  SECTION("two steps of one name") {
    CHECK_THAT(s.refusal("INSERT INTO job_steps(job_row, seq, name, class,"
                         " state) VALUES (1, 2, 'first', 'retriable',"
                         " 'pending')"),
               Contains("UNIQUE"));
  }
}

TEST_CASE("the schema and jobs:: know the same states and transitions") {
  schema s;
  using jobs::job_state;
  for (int from = 0; from <= static_cast<int>(job_state::cancelled); ++from) {
    const auto a = static_cast<job_state>(from);
    const std::string name{to_string(a)};
    INFO(name);
    CHECK(s.integer("SELECT terminal FROM job_states WHERE state = '" + name
                    + "'")
          == (jobs::is_terminal(a) ? 1 : 0));
    CHECK(s.integer("SELECT owner FROM job_states WHERE state = '" + name + "'")
          == (jobs::is_owner(a) ? 1 : 0));
    for (int to = 0; to <= static_cast<int>(job_state::cancelled); ++to) {
      const auto b = static_cast<job_state>(to);
      INFO("to " << to_string(b));
      CHECK(s.integer("SELECT count(*) FROM job_transitions WHERE from_state"
                      " = '"
                      + name + "' AND to_state = '" + std::string{to_string(b)}
                      + "'")
            == (jobs::may_follow(a, b) ? 1 : 0));
    }
  }
}
