// Every value that the database refuses by itself: none of its column's.
#include "tests/storage/schema_place.hpp"
#include "tests/storage/schema_rows.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace alula;
using namespace alula::storage;
using Catch::Contains;

TEST_CASE("the schema refuses values that mean nothing") {
  schema s;

  SECTION("malformed JSON") {
    for (const auto* set : {"result = '{'", "error = 'none'"})
      CHECK_THAT(s.refusal(s.update(1, set)), Contains("json_valid"));
    CHECK_THAT(s.refusal("UPDATE job_steps SET output = '[' WHERE seq = 0"),
               Contains("json_valid"));
    CHECK_THAT(s.refusal("INSERT INTO events(job_row, type, job_version, at,"
                         " data) VALUES (1, 't', 1, 1, 'x')"),
               Contains("json_valid"));
  }
  SECTION("text in a column of numbers") {
    CHECK_THAT(s.refusal(s.update(1, "run_at = 'soon'")),
               Contains("cannot store TEXT"));
  }
  SECTION("numbers below zero") {
    CHECK_THAT(s.refusal(s.update(1, "attempt = -1")), Contains("CHECK"));
    CHECK_THAT(s.refusal(s.update(1, "crashes = -1")), Contains("CHECK"));
    CHECK_THAT(s.refusal("INSERT INTO job_progress VALUES"
                         " (1, -1, NULL, '', '', 0.0, 1)"),
               Contains("CHECK"));
  }
  SECTION("a wait without a reason, a beginning or an end") {
    for (const auto* set :
         {"waiting_since = 1", "held_by = 'DockerUnavailable'",
          "held_since = 1", "held_by = '', held_since = 1",
          "held_by_since = 1"})
      CHECK_THAT(s.refusal(s.update(1, set)), Contains("a wait has a reason"));
    s.run(1);
    s.finish_steps(1);
    s.must(s.update(1, "reason = 'W', waiting_since = 1, held_by = 'W',"
                       " held_since = 1"));
    CHECK_THAT(
        s.refusal(s.update(1, "state = 'succeeded', boot = NULL, reason = '',"
                              " waiting_since = NULL, finished_at = 3")),
        Contains("a wait has a reason"));
  }
  SECTION("a lane that is not the server's") {
    CHECK_THAT(s.refusal(s.job_values(2, "server:2")), Contains("CHECK"));
    CHECK_THAT(s.refusal(s.job_values(2, "server:1:")), Contains("CHECK"));
    CHECK_THAT(s.refusal(s.job_values(2, "server:11")), Contains("CHECK"));
  }
  SECTION("an id that is no UUID, or is taken") {
    CHECK_THAT(s.refusal("INSERT INTO servers(uuid, state, suspended, config,"
                         " created_at, updated_at)"
                         " VALUES ('short', 'active', 0, '{}', 1, 1)"),
               Contains("CHECK"));
    s.add_job(2, "node");
    auto again = s.job_values(3, "node");
    again.replace(again.find(s.uuid(3)), s.uuid(3).size(), s.uuid(2));
    CHECK_THAT(s.refusal(again), Contains("UNIQUE constraint failed: jobs.id"));
  }
  SECTION("a job of a server that is not there") {
    auto orphan = s.job_values(2, "server:9");
    orphan.replace(orphan.find("1, " + s.uuid(1)), 1, "9");
    CHECK_THAT(s.refusal(orphan), Contains("FOREIGN KEY"));
  }
  SECTION("a clean boot without an end") {
    CHECK_THAT(s.refusal("UPDATE boots SET clean = 1 WHERE boot = 2"),
               Contains("CHECK"));
  }
  SECTION("an event that is changed afterwards") {
    s.must("INSERT INTO events(job_row, type, job_version, at, data)"
           " VALUES (1, 't', 1, 1, '{}')");
    CHECK_THAT(s.refusal("UPDATE events SET type = 'u'"),
               Contains("an event does not change"));
  }
}

namespace {

struct wrong_value {
  const row_draft& draft;
  const char* column;
  const char* value;
  const char* why = "CHECK";
};

} // namespace

TEST_CASE("the schema refuses a value outside of its column's domain") {
  schema s;
  const auto& [draft, column, value, why] = GENERATE(values<wrong_value>({
      {server_draft, "state", "'asleep'"},
      {server_draft, "suspended", "2"},
      {server_draft, "was_suspended", "2"},
      {server_draft, "transferring", "2"},
      {server_draft, "container_id", "''"},
      {server_draft, "config", "'{'"},
      {server_draft, "created_at", "NULL", "NOT NULL"},
      {job_draft, "id", "'short'"},
      {job_draft, "kind", "'ab'"},
      {job_draft, "plan_version", "0"},
      {job_draft, "server", "'short'"},
      {job_draft, "server", "NULL"},
      {job_draft, "priority", "4"},
      {job_draft, "dedup_key", "''"},
      {job_draft, "input", "'{'"},
      {job_draft, "max_attempts", "0"},
      {job_draft, "past_pivot", "2"},
      {job_draft, "retry_of", "'short'"},
      {job_draft, "answer_after", "-2"},
      {step_draft, "seq", "-1"},
      {step_draft, "name", "''"},
      {step_draft, "class", "'other'"},
      {step_draft, "attempt", "-1"},
      {step_draft, "crashes", "-1"},
      {step_draft, "error", "'{'"},
      {step_draft, "job_row", "9", "FOREIGN KEY"},
      {progress_draft, "done", "-1"},
      {progress_draft, "total", "0"},
      {progress_draft, "job_row", "9", "FOREIGN KEY"},
      {event_draft, "type", "''"},
      {event_draft, "data", "'{'"},
      {event_draft, "job_row", "9", "FOREIGN KEY"},
      {key_draft, "key", "''"},
      {key_draft, "job_row", "9", "FOREIGN KEY"},
      {trash_draft, "deleted_by", "9", "FOREIGN KEY"},
      {trash_draft, "server_row", "9", "FOREIGN KEY"},
      {lock_draft, "resource", "''"},
      {lock_draft, "mode", "'Z'"},
      {lock_draft, "job_row", "9", "FOREIGN KEY"},
  }));
  INFO(draft.table << "." << column << " = " << value);
  if (draft.table == "trash")
    s.leave();
  CHECK_THAT(s.refusal(draft.with(column, value)), Contains(why));
  // It was that value: the row is taken without it.
  CHECK(s.refusal(draft.with("", "")).empty());
}
