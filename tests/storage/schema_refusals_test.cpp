// What the tables refuse since version 4, one section each.
#include "tests/storage/schema_place.hpp"

#include <string>

using namespace alula;
using namespace alula::storage;
using Catch::Contains;

namespace {

const std::string success = "state = 'succeeded', boot = NULL, finished_at = 3";
const std::string failure =
    "state = 'failed', boot = NULL, finished_at = 3, error = '{}'";

std::string step(int seq, const std::string& what) {
  return "UPDATE job_steps SET " + what
         + " WHERE job_row = 1 AND seq = " + std::to_string(seq);
}

std::string event(int version) {
  return "INSERT INTO events(job_row, type, job_version, at, data)"
         " VALUES (1, 't', "
         + std::to_string(version) + ", 1, '{}')";
}

const std::string new_step =
    "INSERT INTO job_steps(job_row, seq, name, class, state)"
    " VALUES (1, 2, 'third', 'retriable', 'pending')";

const std::string started = "state = 'started', started_at = 1";
const std::string done = "state = 'done', finished_at = 1";

std::string trash(const std::string& name) {
  return "INSERT INTO trash(deleted_by, server_row, name, state, detached_at,"
         " purge_after) VALUES (1, 1, "
         + name + ", 'held', 1, 1)";
}

} // namespace

TEST_CASE("the schema keeps the plan of a job") {
  schema s;

  SECTION("it does not grow once the job was told of") {
    CHECK(s.refusal(new_step).empty());
    s.must("DELETE FROM events");
    s.must(event(1));
    CHECK_THAT(s.refusal("INSERT INTO job_steps(job_row, seq, name, class,"
                         " state) VALUES (1, 3, 'fourth', 'retriable',"
                         " 'pending')"),
               Contains("does not grow"));
  }
  SECTION("it does not grow once the job runs") {
    s.run(1);
    CHECK_THAT(s.refusal(new_step), Contains("does not grow"));
  }
  SECTION("it does not shrink, neither live nor ended") {
    const auto less = "DELETE FROM job_steps WHERE job_row = 1 AND seq = 1";
    CHECK_THAT(s.refusal(less), Contains("does not shrink"));
    s.succeed(1);
    CHECK_THAT(s.refusal(less), Contains("does not shrink"));
    s.must("DELETE FROM jobs WHERE job_row = 1");
    CHECK(s.integer("SELECT count(*) FROM job_steps") == 0);
  }
  SECTION("its steps are frozen when it has ended") {
    s.succeed(1);
    CHECK_THAT(s.refusal(step(0, "output = '{}'")),
               Contains("steps of an ended job"));
  }
  SECTION("a step does not start before its job") {
    CHECK_THAT(s.refusal(step(0, started)), Contains("when its job runs"));
    s.run(1);
    CHECK(s.refusal(step(0, started)).empty());
  }
}

TEST_CASE("the schema refuses ends that leave something behind") {
  schema s;

  SECTION("success of a job without steps") {
    s.add_job(2, "node");
    s.run(2);
    CHECK_THAT(s.refusal(s.update(2, success)), Contains("without steps"));
  }
  SECTION("failure with a step that is done or half done") {
    s.run(1);
    s.must(step(0, started));
    CHECK_THAT(s.refusal(s.update(1, failure)), Contains("not undone"));
    s.must(step(0, done));
    CHECK_THAT(s.refusal(s.update(1, failure)), Contains("not undone"));
    s.must(s.update(1, "state = 'cancelling', error = '{}'"));
    CHECK_THAT(s.refusal(s.update(1, failure)), Contains("not undone"));
    s.must(step(0, "state = 'undone'"));
    CHECK(s.refusal(s.update(1, failure)).empty());
  }
  SECTION("but a job that was given up may") {
    s.run(1);
    s.must(step(0, started));
    s.must(s.update(1, "state = 'parked', boot = NULL, error = '{}'"));
    CHECK(s.refusal(s.update(1, "state = 'failed', finished_at = 3")).empty());
  }
  SECTION("an undo past the pivot") {
    s.run(1);
    s.must(step(0, started));
    s.must(step(0, done));
    s.must(s.update(1, "past_pivot = 1"));
    for (const auto* back :
         {"state = 'undoing', finished_at = NULL", "state = 'undone'"})
      CHECK_THAT(s.refusal(step(0, back)), Contains("past the pivot"));
  }
  SECTION("an undo of a pivot that is done") {
    s.run(1);
    s.finish_steps(1);
    CHECK_THAT(s.refusal(step(1, "state = 'undoing', finished_at = NULL")),
               Contains("past the pivot"));
  }
  SECTION("but one that failed is undone") {
    s.run(1);
    s.must(step(0, started));
    s.must(step(0, done));
    s.must(step(1, started));
    CHECK(s.refusal(step(1, "state = 'undoing'")).empty());
  }
}

TEST_CASE("the schema keeps an accepted cancel") {
  schema s;
  s.run(1);
  s.must(s.update(1, "cancel_requested_at = 5"));

  SECTION("as it is") {
    for (const auto* set : {"NULL", "4", "6"})
      CHECK_THAT(
          s.refusal(s.update(1, std::string{"cancel_requested_at = "} + set)),
          Contains("cancel stands"));
  }
  SECTION("so the job does not succeed") {
    s.finish_steps(1);
    CHECK_THAT(s.refusal(s.update(1, success)), Contains("decides how"));
  }
  SECTION("and no job is cancelled without") {
    s.add_job(2, "node");
    CHECK_THAT(s.refusal(s.update(2, "state = 'cancelled', finished_at = 3")),
               Contains("decides how"));
  }
}

TEST_CASE("the schema gives an ended job nothing") {
  schema s;
  s.add_job(2, "node");
  s.must(s.update(2, "state = 'cancelled', finished_at = 3,"
                     " cancel_requested_at = 3"));
  const auto refused = [&](const std::string& sql) {
    CHECK_THAT(s.refusal(sql), Contains("ended takes nothing"));
  };

  SECTION("no lock") {
    refused("INSERT INTO locks VALUES ('a', 2, 'S', 1)");
    CHECK(s.refusal("INSERT INTO locks VALUES ('a', 1, 'S', 1)").empty());
  }
  SECTION("no server") {
    refused("UPDATE servers SET state = 'restoring', owner_job = 2");
    refused("INSERT INTO servers(uuid, state, suspended, owner_job, config,"
            " created_at, updated_at) VALUES ("
            + s.uuid(2) + ", 'creating', 0, 2, '{}', 1, 1)");
  }
  SECTION("no trash") {
    s.leave();
    s.must(trash("'entry'"));
    s.must("UPDATE servers SET state = 'deleted', owner_job = NULL,"
           " deleted_at = 1");
    refused("UPDATE trash SET state = 'restoring', claimed_by = 2");
  }
  SECTION("no backup") {
    s.must("INSERT INTO backups(uuid, server, state, size, created_at,"
           " completed_at) VALUES ("
           + s.uuid(3) + ", " + s.uuid(1) + ", 'ready', 1, 1, 1)");
    refused("UPDATE backups SET state = 'deleting', owner_job = 2");
  }
  SECTION("no replaced tree") {
    s.must("INSERT INTO replaced(replaced_by, server, server_row, name, merged,"
           " replaced_at, keep_until) VALUES ("
           + s.uuid(3) + ", " + s.uuid(1) + ", 1, 'tree', 0, 1, 1)");
    refused("UPDATE replaced SET claimed_by = 2");
  }
}

TEST_CASE("the schema refuses servers and trash that cannot be") {
  schema s;

  SECTION("a server that is born deleted") {
    CHECK_THAT(s.refusal("INSERT INTO servers(uuid, state, suspended, config,"
                         " created_at, updated_at, deleted_at) VALUES ("
                         + s.uuid(2) + ", 'deleted', 0, '{}', 1, 1, 1)"),
               Contains("does not start deleted"));
  }
  SECTION("the volume of a live server in the trash") {
    CHECK_THAT(s.refusal(trash("'entry'")), Contains("live server"));
  }
  SECTION("names of directories") {
    s.leave();
    for (const auto* name : {"'.'", "'..'"}) {
      CHECK_THAT(s.refusal(trash(name)), Contains("leads elsewhere"));
      CHECK_THAT(s.refusal("INSERT INTO replaced(replaced_by, server,"
                           " server_row, name, merged, replaced_at, keep_until)"
                           " VALUES ("
                           + s.uuid(3) + ", " + s.uuid(1) + ", 1, " + name
                           + ", 0, 1, 1)"),
                 Contains("leads elsewhere"));
    }
    CHECK(s.refusal(trash("'...'")).empty());
  }
}

TEST_CASE("the schema keeps a pause as it was put down") {
  schema s;
  const std::string pause = "INSERT INTO pool_pauses(pool, paused_at, reason)"
                            " VALUES ";
  s.must(pause + "('backup', 1, 'why')");
  CHECK_FALSE(s.refusal(pause + "('backup', 2, 'else')").empty());
  CHECK_FALSE(s.refusal(pause + "('', 1, '')").empty());
  CHECK_FALSE(s.refusal(pause + "('purge', 'soon', '')").empty());
  CHECK_FALSE(
      s.refusal("INSERT INTO pool_pauses(pool, paused_at, reason, paused_by)"
                " VALUES ('purge', 1, '', '"
                + std::string(201, 'x') + "')")
          .empty());
  CHECK_THAT(s.refusal("UPDATE pool_pauses SET reason = 'else'"),
             Contains("stands until it ends"));
  CHECK(s.refusal("DELETE FROM pool_pauses WHERE pool = 'backup'").empty());
}

TEST_CASE("the schema tells of the newest version, and keeps its fence") {
  schema s;

  SECTION("no event of a version that is over, or not there yet") {
    s.must(event(1));
    s.run(1);
    for (const int version : {1, 3})
      CHECK_THAT(s.refusal(event(version)), Contains("newest version"));
    CHECK(s.refusal(event(2)).empty());
  }
  SECTION("the newest boot is not removed") {
    CHECK_THAT(s.refusal("DELETE FROM boots WHERE boot = 2"),
               Contains("newest boot"));
    CHECK(s.refusal("DELETE FROM boots WHERE boot = 1").empty());
  }
}

TEST_CASE("the schema refuses what cannot be of stores, tokens and systems") {
  schema s;
  const std::string upload =
      "INSERT INTO system_backups VALUES (" + schema::uuid(7)
      + ", 's', 'uploading', 'f', 't', 1, '', 'u', 1, 'job')";

  SECTION("a ledger that becomes another one") {
    s.must("INSERT INTO store VALUES (1, " + schema::uuid(1) + ")");
    for (const auto* sql : {"UPDATE store SET id = id", "DELETE FROM store"})
      CHECK_THAT(s.refusal(sql), Contains("keeps its id"));
  }
  SECTION("a place of a backup that is not ready") {
    CHECK_THAT(s.refusal("INSERT INTO backup_places VALUES (" + schema::uuid(7)
                         + ", 'far', 'k', 'e', 1, 1, 0, 0)"),
               Contains("only a ready backup"));
  }
  SECTION("a revoked token that is good again, or revoked later") {
    s.must("INSERT INTO principals VALUES ('01234567890123456789', 'token', '',"
           " 'n', 'admin', '{}', '"
           + std::string(64, 'a') + "', 'c', 1, NULL, 5, NULL)");
    for (const auto* when : {"NULL", "6"})
      CHECK_THAT(
          s.refusal("UPDATE principals SET revoked_at = " + std::string{when}),
          Contains("stays revoked"));
  }
  SECTION("an audit that is rewritten") {
    s.must("INSERT INTO audit VALUES (1, 1, 'p', 'n', 'GET', '/', NULL, NULL,"
           " 200, 'r', '::1', NULL)");
    CHECK_THAT(s.refusal("UPDATE audit SET status = 500"),
               Contains("not rewritten"));
  }
  SECTION("a stored backup of a system that leaves without a job") {
    s.must("INSERT INTO systems VALUES ('s', '', '', 1, NULL, NULL)");
    s.must(upload);
    s.must("UPDATE system_backups SET state = 'stored', owner = '', sha256 = '"
           + std::string(64, 'a') + "'");
    CHECK_THAT(s.refusal("DELETE FROM system_backups"),
               Contains("stays on record"));
  }
}
