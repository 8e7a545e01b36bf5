// Every illegal state of servers, trash and claims that the database refuses by
// itself, one section each.
#include "tests/storage/schema_place.hpp"
#include "tests/storage/schema_rows.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace alula;
using namespace alula::storage;
using Catch::Contains;

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
  s.leave();
  s.must(trash_draft.with("", ""));
  s.must("UPDATE servers SET state = 'deleted', owner_job = NULL,"
         " deleted_at = 1");
  s.succeed(1);
  CHECK_THAT(s.refusal("DELETE FROM jobs WHERE job_row = 1"),
             Contains("FOREIGN KEY"));
  CHECK_THAT(s.refusal("UPDATE trash SET state = 'restoring', claimed_by = 9"),
             Contains("FOREIGN KEY"));
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
  s.leave();
  s.must("INSERT INTO trash(deleted_by, server_row, name, state, detached_at,"
         " purge_after) VALUES (1, 1, 'entry', 'held', 1, 1)");
  s.add_job(2, "server:1:trash");
  const auto forget = [&] {
    s.must("UPDATE servers SET state = 'deleted', owner_job = NULL,"
           " deleted_at = 1");
  };

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
    forget();
    CHECK_THAT(s.refusal("UPDATE trash SET state = 'restoring'"),
               Contains("CHECK"));
    CHECK_THAT(s.refusal("UPDATE trash SET claimed_by = 2"), Contains("CHECK"));
  }
  SECTION("a claim on what is being purged") {
    forget();
    s.must("UPDATE trash SET state = 'purging'");
    CHECK_THAT(
        s.refusal("UPDATE trash SET state = 'restoring', claimed_by = 2"),
        Contains("illegal trash transition"));
  }
  SECTION("a purge of what is being restored") {
    forget();
    s.must("UPDATE trash SET state = 'restoring', claimed_by = 2");
    CHECK_THAT(
        s.refusal("UPDATE trash SET state = 'purging', claimed_by = NULL"),
        Contains("illegal trash transition"));
  }
  SECTION("an end while claiming") {
    forget();
    s.must("UPDATE trash SET state = 'restoring', claimed_by = 2");
    CHECK_THAT(s.refusal(s.update(2, "state = 'cancelled', finished_at = 1,"
                                     " cancel_requested_at = 1")),
               Contains("claims trash"));
  }
  SECTION("a server of a uuid that is being restored") {
    forget();
    s.must("UPDATE trash SET state = 'restoring', claimed_by = 2");
    const auto again =
        "INSERT INTO servers(uuid, state, suspended, config, created_at,"
        " updated_at) VALUES ("
        + s.uuid(1) + ", 'active', 0, '{}', 1, 1)";
    CHECK_THAT(s.refusal(again), Contains("the uuid is being restored"));
    s.must("UPDATE trash SET state = 'restored', claimed_by = NULL");
    CHECK(s.refusal(again).empty());
  }
  SECTION("a claim on a uuid that lives or is claimed already") {
    CHECK_THAT(
        s.refusal("UPDATE trash SET state = 'restoring', claimed_by = 2"),
        Contains("the uuid is taken"));
    forget();
    s.add_job(3, "node");
    s.must("INSERT INTO trash(deleted_by, server_row, name, state,"
           " detached_at, purge_after) VALUES (3, 1, 'other', 'held', 1, 1)");
    s.must("UPDATE trash SET state = 'restoring', claimed_by = 2"
           " WHERE deleted_by = 1");
    CHECK_THAT(s.refusal("UPDATE trash SET state = 'restoring',"
                         " claimed_by = 2 WHERE deleted_by = 3"),
               Contains("the uuid is taken"));
  }
  SECTION("an entry that starts in the middle") {
    s.add_job(3, "node");
    CHECK_THAT(s.refusal("INSERT INTO trash(deleted_by, server_row, name,"
                         " state, detached_at, purge_after)"
                         " VALUES (3, 1, 'other', 'purging', 1, 1)"),
               Contains("trash starts held"));
  }
}
