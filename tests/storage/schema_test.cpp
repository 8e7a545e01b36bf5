// Every illegal state that the database refuses by itself, one section each.
#include "jobs/job.hpp"
#include "storage/migrator.hpp"
#include "storage/sqlite.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace alula;
using namespace alula::storage;

namespace {

/// A new ledger file: boots 1 and 2, an active server 1, and job 1 of it with
/// the steps "first" and "second", queued.
class schema {
public:
  schema() {
    // Nothing here is about losing power.
    must("PRAGMA synchronous = OFF");
    REQUIRE(migrate(db_, embedded_migrations(), 1));
    must("INSERT INTO boots(started_at, kernel_boot_id, version)"
         " VALUES (1, 'k', 'v'), (2, 'k', 'v')");
    must("INSERT INTO servers(uuid, state, suspended, config, created_at,"
         " updated_at) VALUES ("
         + uuid(1) + ", 'active', 0, '{}', 1, 1)");
    add_job(1, "server:1");
    must("INSERT INTO job_steps(job_row, seq, name, class, state) VALUES"
         " (1, 0, 'first', 'compensatable', 'pending'),"
         " (1, 1, 'second', 'pivot', 'pending')");
  }

  static std::string uuid(int number) {
    return "'8d3fb5e2-5c47-4f0a-9b1e-0000000000" + std::to_string(10 + number)
           + "'";
  }
  std::string job_values(int row, const std::string& lane,
                         const std::string& state = "'queued', 1") const {
    const bool node = lane == "node";
    return "INSERT INTO jobs(job_row, id, kind, plan_version, server_row,"
           " server, lane, pool, priority, state, version, input,"
           " max_attempts, run_at, created_at) VALUES ("
           + std::to_string(row) + ", " + uuid(row) + ", 'sample', 1, "
           + (node ? "NULL, NULL" : "1, " + uuid(1)) + ", '" + lane
           + "', 'pool', 2, " + state + ", '{}', 20, 1, 1)";
  }
  void add_job(int row, const std::string& lane) {
    must(job_values(row, lane));
  }

  /// Sets columns of a job, with the version that has to follow.
  static std::string update(int row, const std::string& set) {
    return "UPDATE jobs SET version = version + 1, " + set
           + " WHERE job_row = " + std::to_string(row);
  }
  void run(int row) { must(update(row, "state = 'running', boot = 2")); }
  void finish_steps(int row) {
    const auto of = " WHERE job_row = " + std::to_string(row);
    for (const auto* seq : {"0", "1"}) {
      const auto one = of + " AND seq = " + seq;
      must("UPDATE job_steps SET state = 'started', started_at = 1" + one);
      must("UPDATE job_steps SET state = 'done', finished_at = 1" + one);
    }
  }
  void succeed(int row) {
    run(row);
    finish_steps(row);
    must(update(row, "state = 'succeeded', boot = NULL, finished_at = 3"));
  }

  void must(const std::string& sql) {
    const auto done = db_.execute(sql, "test");
    if (!done)
      FAIL(sql << ": " << done.error().what);
  }
  /// Why it was refused; empty when it was not.
  std::string refusal(const std::string& sql) {
    const auto done = db_.execute(sql, "test");
    return done ? "" : done.error().what;
  }
  std::int64_t integer(const std::string& sql) {
    return db_.integer({"test", sql}).value();
  }
  database& db() { return db_; }

private:
  temporary_place place_;
  database db_ =
      database::open(place_ / "alula.db", database::access::write).value();
};

using Catch::Contains;

} // namespace

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
    CHECK_THAT(s.refusal(s.update(1, "state = 'cancelled', finished_at = 1")),
               Contains("CHECK"));
  }
  SECTION("cancelled with a step that is not undone") {
    s.run(1);
    s.must("UPDATE job_steps SET state = 'started', started_at = 1"
           " WHERE job_row = 1 AND seq = 0");
    s.must(s.update(1, "state = 'cancelling'"));
    CHECK_THAT(s.refusal(s.update(
                   1, "state = 'cancelled', boot = NULL, finished_at = 1")),
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

/// An INSERT that would be taken, but for one value.
struct row_draft {
  std::string table;
  std::vector<std::pair<std::string, std::string>> columns;

  std::string with(const std::string& column, const std::string& value) const {
    std::string names, values;
    for (const auto& [name, usual] : columns) {
      const auto* comma = names.empty() ? "" : ", ";
      names += comma + name;
      values += comma + (name == column ? value : usual);
    }
    return "INSERT INTO " + table + "(" + names + ") VALUES (" + values + ")";
  }
};

const row_draft server_draft{"servers",
                             {{"uuid", schema::uuid(5)},
                              {"state", "'active'"},
                              {"suspended", "0"},
                              {"was_suspended", "0"},
                              {"transferring", "0"},
                              {"container_id", "NULL"},
                              {"config", "'{}'"},
                              {"created_at", "1"},
                              {"updated_at", "1"}}};
const row_draft job_draft{"jobs",
                          {{"job_row", "5"},
                           {"id", schema::uuid(5)},
                           {"kind", "'sample'"},
                           {"plan_version", "1"},
                           {"server_row", "1"},
                           {"server", schema::uuid(1)},
                           {"lane", "'server:1'"},
                           {"pool", "'p'"},
                           {"priority", "2"},
                           {"state", "'queued'"},
                           {"version", "1"},
                           {"dedup_key", "NULL"},
                           {"input", "'{}'"},
                           {"max_attempts", "1"},
                           {"past_pivot", "0"},
                           {"retry_of", "NULL"},
                           {"run_at", "1"},
                           {"created_at", "1"},
                           {"answer_after", "-1"}}};
const row_draft step_draft{"job_steps",
                           {{"job_row", "1"},
                            {"seq", "2"},
                            {"name", "'third'"},
                            {"class", "'retriable'"},
                            {"state", "'pending'"},
                            {"attempt", "0"},
                            {"crashes", "0"},
                            {"error", "NULL"}}};
const row_draft progress_draft{"job_progress",
                               {{"job_row", "1"},
                                {"done", "1"},
                                {"total", "1"},
                                {"unit", "''"},
                                {"message", "''"},
                                {"rate", "0.5"},
                                {"updated_at", "1"}}};
const row_draft event_draft{"events",
                            {{"job_row", "1"},
                             {"type", "'t'"},
                             {"job_version", "1"},
                             {"at", "1"},
                             {"data", "'{}'"}}};
const row_draft key_draft{"idempotency",
                          {{"principal", "'p'"},
                           {"key", "'k'"},
                           {"fingerprint", "'f'"},
                           {"job_row", "1"},
                           {"created_at", "1"},
                           {"expires_at", "1"}}};
const row_draft trash_draft{"trash",
                            {{"deleted_by", "1"},
                             {"server_row", "1"},
                             {"name", "'entry'"},
                             {"state", "'held'"},
                             {"detached_at", "1"},
                             {"purge_after", "1"}}};
const row_draft lock_draft{"locks",
                           {{"resource", "'a'"},
                            {"job_row", "1"},
                            {"mode", "'S'"},
                            {"acquired_at", "1"}}};

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
  CHECK_THAT(s.refusal(draft.with(column, value)), Contains(why));
  // It was that value: the row is taken without it.
  CHECK(s.refusal(draft.with("", "")).empty());
}

TEST_CASE("the schema removes with a job what is only about it") {
  schema s;
  s.must(progress_draft.with("", ""));
  s.must(event_draft.with("", ""));
  s.must(key_draft.with("", ""));
  s.succeed(1);
  s.must("DELETE FROM jobs WHERE job_row = 1");
  CHECK(s.integer("SELECT count(*) FROM job_steps") == 0);
  CHECK(s.integer("SELECT count(*) FROM job_progress") == 0);
  CHECK(s.integer("SELECT count(*) FROM events") == 0);
  // The key stays: its request was made, whatever became of the job.
  CHECK(s.integer("SELECT count(*) FROM idempotency WHERE job_row IS NULL")
        == 1);
}

TEST_CASE("the schema keeps a job that trash or a claim names") {
  schema s;
  s.must(trash_draft.with("", ""));
  s.succeed(1);
  CHECK_THAT(s.refusal("DELETE FROM jobs WHERE job_row = 1"),
             Contains("FOREIGN KEY"));
  CHECK_THAT(s.refusal("UPDATE trash SET state = 'restoring', claimed_by = 9"),
             Contains("FOREIGN KEY"));
}

TEST_CASE("the schema refuses steps out of their order") {
  schema s;
  const auto set = [](int seq, const std::string& what) {
    return "UPDATE job_steps SET " + what
           + " WHERE job_row = 1 AND seq = " + std::to_string(seq);
  };

  SECTION("the second before the first") {
    CHECK_THAT(s.refusal(set(1, "state = 'started', started_at = 1")),
               Contains("step out of order"));
  }
  SECTION("done without having started") {
    CHECK_THAT(
        s.refusal(set(0, "state = 'done', started_at = 1, finished_at = 1")),
        Contains("illegal step transition"));
  }
  SECTION("done without a time") {
    s.must(set(0, "state = 'started', started_at = 1"));
    CHECK_THAT(s.refusal(set(0, "state = 'done'")), Contains("CHECK"));
  }
  SECTION("started without a time") {
    CHECK_THAT(s.refusal(set(0, "state = 'started'")), Contains("CHECK"));
  }
  SECTION("done again as if it had not been") {
    s.finish_steps(1);
    CHECK_THAT(s.refusal(set(0, "state = 'started', finished_at = NULL")),
               Contains("illegal step transition"));
  }
  SECTION("undone and then done") {
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

TEST_CASE("the schema refuses two owners of one thing") {
  schema s;
  s.add_job(2, "server:1");

  SECTION("a second running job in a lane") {
    s.run(1);
    CHECK_THAT(s.refusal(s.update(2, "state = 'running', boot = 2")),
               Contains("UNIQUE constraint failed: jobs.lane"));
  }
  SECTION("a lane whose owner is parked") {
    s.run(1);
    s.must(s.update(1, "state = 'parked', boot = NULL, error = '{}'"));
    CHECK_THAT(s.refusal(s.update(2, "state = 'running', boot = 2")),
               Contains("UNIQUE constraint failed: jobs.lane"));
  }
  SECTION("two live jobs of one natural key") {
    const auto keyed = [&](int row) {
      auto sql = s.job_values(row, "node");
      sql.replace(sql.find("created_at)"), 11, "created_at, dedup_key)");
      sql.replace(sql.rfind(')'), 1, ", 'key')");
      return sql;
    };
    s.must(keyed(3));
    CHECK_THAT(s.refusal(keyed(4)),
               Contains("UNIQUE constraint failed: jobs.dedup_key"));
  }
  SECTION("an exclusive lock beside another") {
    s.must("INSERT INTO locks VALUES ('a', 1, 'S', 1)");
    CHECK_THAT(s.refusal("INSERT INTO locks VALUES ('a', 2, 'X', 1)"),
               Contains("lock conflict"));
    s.must("INSERT INTO locks VALUES ('a', 2, 'S', 1)");
    CHECK_THAT(s.refusal("UPDATE locks SET mode = 'X' WHERE job_row = 1"),
               Contains("lock conflict"));
  }
  SECTION("a shared lock beside an exclusive one") {
    s.must("INSERT INTO locks VALUES ('a', 1, 'X', 1)");
    CHECK_THAT(s.refusal("INSERT INTO locks VALUES ('a', 2, 'S', 1)"),
               Contains("lock conflict"));
  }
  SECTION("an end while holding a lock") {
    s.must("INSERT INTO locks VALUES ('a', 1, 'X', 1)");
    s.run(1);
    s.finish_steps(1);
    CHECK_THAT(s.refusal(s.update(
                   1, "state = 'succeeded', boot = NULL, finished_at = 1")),
               Contains("holds a lock"));
  }
}

TEST_CASE("the schema refuses servers in the wrong state") {
  schema s;
  const auto set = [](const std::string& what) {
    return "UPDATE servers SET " + what + " WHERE server_row = 1";
  };
  const std::string deleting =
      "state = 'deleting', suspended = 1, owner_job = 1";
  const std::string deleted =
      "state = 'deleted', owner_job = NULL, deleted_at = 1";

  SECTION("deleting, creating or restoring without an owner") {
    CHECK_THAT(s.refusal(set("state = 'deleting', suspended = 1")),
               Contains("CHECK"));
    CHECK_THAT(s.refusal(set("state = 'restoring'")), Contains("CHECK"));
    CHECK_THAT(s.refusal("INSERT INTO servers(uuid, state, suspended, config,"
                         " created_at, updated_at) VALUES ("
                         + s.uuid(2) + ", 'creating', 0, '{}', 1, 1)"),
               Contains("CHECK"));
  }
  SECTION("an owner of a server that needs none") {
    CHECK_THAT(s.refusal(set("owner_job = 1")), Contains("CHECK"));
  }
  SECTION("an owner that is not there") {
    s.must("BEGIN");
    s.must(set("state = 'restoring', owner_job = 9"));
    CHECK(s.db().has_broken_reference());
    CHECK_THAT(s.refusal("COMMIT"), Contains("FOREIGN KEY"));
    s.must("ROLLBACK");
  }
  SECTION("deleting while not suspended") {
    CHECK_THAT(s.refusal(set("state = 'deleting', owner_job = 1")),
               Contains("CHECK"));
  }
  SECTION("deleted at once") {
    CHECK_THAT(s.refusal(set("state = 'deleted', deleted_at = 1")),
               Contains("illegal server transition"));
  }
  SECTION("a delete that is called off") {
    s.must(set(deleting));
    CHECK_THAT(s.refusal(set("state = 'active', owner_job = NULL")),
               Contains("illegal server transition"));
  }
  SECTION("deleted without a time") {
    s.must(set(deleting));
    CHECK_THAT(s.refusal(set("state = 'deleted', owner_job = NULL")),
               Contains("CHECK"));
  }
  SECTION("a deleted server that changes") {
    s.must(set(deleting));
    s.must(set(deleted));
    CHECK_THAT(s.refusal(set("container_id = 'x'")),
               Contains("a deleted server does not change"));
  }
  SECTION("a uuid that changes") {
    CHECK_THAT(s.refusal(set("uuid = " + s.uuid(2))),
               Contains("keeps its row and uuid"));
  }
  SECTION("two live servers of one uuid") {
    const auto again =
        "INSERT INTO servers(uuid, state, suspended, config, created_at,"
        " updated_at) VALUES ("
        + s.uuid(1) + ", 'active', 0, '{}', 1, 1)";
    CHECK_THAT(s.refusal(again),
               Contains("UNIQUE constraint failed: servers.uuid"));
    s.must(set(deleting));
    s.must(set(deleted));
    CHECK(s.refusal(again).empty());
  }
  SECTION("a live server whose row is removed") {
    CHECK_THAT(s.refusal("DELETE FROM servers WHERE server_row = 1"),
               Contains("live server keeps its row"));
  }
  SECTION("a new job of a server that is being deleted or is deleted") {
    s.must(set(deleting));
    CHECK_THAT(s.refusal(s.job_values(2, "server:1")),
               Contains("is being deleted"));
    CHECK(s.refusal(s.job_values(3, "server:1:trash")).empty());
    s.must(set(deleted));
    CHECK_THAT(s.refusal(s.job_values(2, "server:1")),
               Contains("is being deleted"));
  }
  SECTION("a job that succeeds and still owns a server") {
    s.run(1);
    s.finish_steps(1);
    s.must(set(deleting));
    CHECK_THAT(s.refusal(s.update(
                   1, "state = 'succeeded', boot = NULL, finished_at = 1")),
               Contains("has ended owns a server"));
  }
  SECTION("an ended job that is removed while a server is its") {
    s.run(1);
    s.must(set(deleting));
    s.must(s.update(1, "state = 'failed', boot = NULL, finished_at = 1,"
                       " error = '{}'"));
    CHECK_THAT(s.refusal("DELETE FROM jobs WHERE job_row = 1"),
               Contains("FOREIGN KEY"));
  }
}

TEST_CASE("the schema refuses to lose trash") {
  schema s;
  s.must("INSERT INTO trash(deleted_by, server_row, name, state, detached_at,"
         " purge_after) VALUES (1, 1, 'entry', 'held', 1, 1)");
  s.add_job(2, "server:1:trash");

  SECTION("a name that leads elsewhere, or is taken") {
    s.add_job(3, "node");
    for (const auto* name : {"''", "'../x'", "'entry'"})
      CHECK_FALSE(s.refusal("INSERT INTO trash(deleted_by, server_row, name,"
                            " state, detached_at, purge_after) VALUES (3, 1, "
                            + std::string{name} + ", 'held', 1, 1)")
                      .empty());
  }
  SECTION("an entry that leaves without a purge") {
    CHECK_THAT(s.refusal("DELETE FROM trash"), Contains("trash leaves by"));
  }
  SECTION("a claim without a job, and a job without a claim") {
    CHECK_THAT(s.refusal("UPDATE trash SET state = 'restoring'"),
               Contains("CHECK"));
    CHECK_THAT(s.refusal("UPDATE trash SET claimed_by = 2"), Contains("CHECK"));
  }
  SECTION("a claim on what is being purged") {
    s.must("UPDATE trash SET state = 'purging'");
    CHECK_THAT(
        s.refusal("UPDATE trash SET state = 'restoring', claimed_by = 2"),
        Contains("illegal trash transition"));
  }
  SECTION("a purge of what is being restored") {
    s.must("UPDATE trash SET state = 'restoring', claimed_by = 2");
    CHECK_THAT(
        s.refusal("UPDATE trash SET state = 'purging', claimed_by = NULL"),
        Contains("illegal trash transition"));
  }
  SECTION("an end while claiming") {
    s.must("UPDATE trash SET state = 'restoring', claimed_by = 2");
    CHECK_THAT(s.refusal(s.update(2, "state = 'cancelled', finished_at = 1")),
               Contains("claims trash"));
  }
  SECTION("an entry that starts in the middle") {
    s.add_job(3, "node");
    CHECK_THAT(s.refusal("INSERT INTO trash(deleted_by, server_row, name,"
                         " state, detached_at, purge_after)"
                         " VALUES (3, 1, 'other', 'purging', 1, 1)"),
               Contains("trash starts held"));
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
