// Every illegal state of backups, replaced trees, tokens and schedules that the
// database refuses by itself, one section each; and the way to version 2.
#include "tests/storage/schema_place.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace alula;
using namespace alula::storage;
using Catch::Contains;

namespace {

std::string uuid(int number) {
  return sample_uuid(number);
}

/// A ledger file of this version with a boot, server 1 and jobs 1 and 2 of no
/// server.
class ledger_file : public sql_file {
public:
  explicit ledger_file(std::size_t version = embedded_migrations().size())
    : sql_file(version) {
    must("INSERT INTO boots(started_at, kernel_boot_id, version)"
         " VALUES (1, 'k', 'v')");
    must("INSERT INTO servers(uuid, state, suspended, config, created_at,"
         " updated_at) VALUES ("
         + uuid(1) + ", 'active', 0, '{}', 1, 1)");
    for (const int row : {1, 2})
      must("INSERT INTO jobs(job_row, id, kind, plan_version, lane, pool,"
           " priority, state, version, input, max_attempts, run_at,"
           " created_at) VALUES ("
           + std::to_string(row) + ", " + uuid(row)
           + ", 'sample', 1, 'node', 'pool', 2, 'queued', 1, '{}', 20, 1, 1)");
  }

  /// Backup 1 in this state.
  void add(const std::string& state) {
    must("INSERT INTO backups(uuid, server, state, owner_job, created_at)"
         " VALUES ("
         + uuid(1) + ", " + uuid(1) + ", 'creating', 1, 1)");
    if (state == "creating")
      return;
    must("UPDATE backups SET state = 'ready', owner_job = NULL, size = 5,"
         " sha1 = '"
         + std::string(40, 'a') + "', completed_at = 2");
    if (state == "deleting")
      must("UPDATE backups SET state = 'deleting', owner_job = 1");
  }
  std::string set(const std::string& what) {
    return refusal("UPDATE backups SET " + what);
  }
  std::string end(const std::string& state) {
    return refusal("UPDATE jobs SET version = version + 1, state = '" + state
                   + "', finished_at = 3, cancel_requested_at = 3"
                     " WHERE job_row = 1");
  }
};

std::string insert(const std::string& columns, const std::string& values) {
  return "INSERT INTO backups(uuid, created_at, " + columns + ") VALUES ("
         + uuid(2) + ", 1, " + values + ")";
}

std::string replaced(const std::string& name, const std::string& more = "0") {
  return "INSERT INTO replaced(replaced_by, server, server_row, name, merged,"
         " replaced_at, keep_until) VALUES ("
         + uuid(1) + ", " + uuid(1) + ", 1, " + name + ", " + more + ", 1, 2)";
}

} // namespace

TEST_CASE("the schema refuses backups that begin wrong") {
  ledger_file s;
  SECTION("on their way out") {
    CHECK_THAT(s.refusal(insert("state", "'deleting'")),
               Contains("does not start leaving"));
  }
  SECTION("in an unknown state") {
    CHECK_THAT(s.refusal(insert("state", "'sleeping'")), Contains("CHECK"));
  }
  SECTION("made by nobody") {
    CHECK_THAT(s.refusal(insert("state, server", "'creating', " + uuid(1))),
               Contains("CHECK"));
  }
  SECTION("made for no server") {
    CHECK_THAT(s.refusal(insert("state, owner_job", "'creating', 1")),
               Contains("CHECK"));
  }
  SECTION("made by a job that is not there") {
    CHECK_THAT(s.refusal(insert("state, server, owner_job",
                                "'creating', " + uuid(1) + ", 9")),
               Contains("FOREIGN KEY"));
  }
  SECTION("ready without a size") {
    CHECK_THAT(s.refusal(insert("state, completed_at", "'ready', 2")),
               Contains("CHECK"));
  }
  SECTION("ready without a time") {
    CHECK_THAT(s.refusal(insert("state, size", "'ready', 2")),
               Contains("CHECK"));
  }
  SECTION("ready and owned") {
    CHECK_THAT(s.refusal(insert("state, size, completed_at, owner_job",
                                "'ready', 2, 2, 1")),
               Contains("CHECK"));
  }
  SECTION("twice") {
    s.add("creating");
    CHECK_THAT(s.refusal("INSERT INTO backups(uuid, server, state, owner_job,"
                         " created_at) VALUES ("
                         + uuid(1) + ", " + uuid(1) + ", 'creating', 2, 1)"),
               Contains("UNIQUE"));
  }
}

TEST_CASE("the schema refuses values of backups that mean nothing") {
  ledger_file s;
  const std::string value = GENERATE(
      "size = -1", "sha1 = 'abc'", "sha256 = 'abc'", "content_bytes = -1",
      "files = -1", "has_manifest = 2", "has_manifest = NULL", "pinned = 2",
      "server = 'x'", "uuid = 'x'", "damage = ''", "created_at = NULL",
      "size = 'large'");
  s.add("creating");
  CHECK(s.integer("SELECT count(*) FROM backups") == 1);
  INFO(value);
  CHECK_FALSE(s.set(value).empty());
}

TEST_CASE("the schema refuses damage that no verification found") {
  ledger_file s;
  s.add("ready");
  CHECK_THAT(s.set("damage = 'x'"), Contains("CHECK"));
  CHECK(s.set("damage = 'x', verified_at = 3").empty());
}

TEST_CASE(
    "the schema refuses what a Panel says of another place than its own") {
  ledger_file s;
  s.add("ready");
  s.must("INSERT INTO backup_places VALUES (" + uuid(1)
         + ", 'far', 'k', 'e', 1, 1, 0, 0), (" + uuid(1)
         + ", 'panel', '', '', 1, 1, 0, 0)");
  const std::string word = GENERATE("asked_at", "missed_at");
  const auto say = [&](const char* where, const char* when) {
    return s.refusal("UPDATE backup_places SET " + word + " = " + when
                     + " WHERE place = '" + where + "'");
  };
  CHECK_THAT(say("far", "3"), Contains("CHECK"));
  CHECK_THAT(say("panel", "-3"), Contains("CHECK"));
  CHECK(say("panel", "3").empty());
}

TEST_CASE("the schema refuses backups that become another one") {
  ledger_file s;
  s.add("ready");
  SECTION("of another uuid") {
    CHECK_THAT(s.set("uuid = " + uuid(3)), Contains("keeps its uuid"));
  }
  SECTION("of another server") {
    CHECK_THAT(s.set("server = " + uuid(3)), Contains("keeps its uuid"));
  }
  SECTION("of no server") {
    CHECK_THAT(s.set("server = NULL"), Contains("keeps its uuid"));
  }
  SECTION("of another row") {
    CHECK_THAT(s.set("backup_row = 7"), Contains("keeps its uuid"));
  }
  SECTION("with another content") {
    CHECK_THAT(s.set("size = 6"), Contains("do not change"));
    CHECK_THAT(s.set("sha1 = '" + std::string(40, 'b') + "'"),
               Contains("do not change"));
    CHECK_THAT(s.set("sha1 = NULL"), Contains("do not change"));
    // One that was not known may become known, once.
    CHECK(s.set("sha256 = '" + std::string(64, 'b') + "'").empty());
    CHECK_THAT(s.set("sha256 = '" + std::string(64, 'c') + "'"),
               Contains("do not change"));
  }
}

TEST_CASE("the schema refuses backups that jump") {
  ledger_file s;
  SECTION("from creating to deleting") {
    s.add("creating");
    CHECK_THAT(s.set("state = 'deleting'"), Contains("illegal backup"));
  }
  SECTION("from ready back to creating") {
    s.add("ready");
    CHECK_THAT(s.set("state = 'creating', owner_job = 1"),
               Contains("illegal backup"));
  }
  SECTION("from deleting to ready, and somebody's all the same") {
    s.add("deleting");
    CHECK_THAT(s.set("state = 'ready'"), Contains("CHECK"));
    CHECK(s.set("state = 'ready', owner_job = NULL").empty());
  }
  SECTION("to deleting by nobody") {
    s.add("ready");
    CHECK_THAT(s.set("state = 'deleting'"), Contains("deleted by a job"));
    CHECK(s.set("state = 'deleting', owner_job = 1").empty());
    CHECK_THAT(s.set("owner_job = NULL"), Contains("deleted by a job"));
  }
  SECTION("from ready to nowhere") {
    s.add("ready");
    CHECK_THAT(s.refusal("DELETE FROM backups"),
               Contains("by way of deleting"));
  }
  SECTION("but not from creating, and from deleting, to nowhere") {
    s.add(GENERATE("creating", "deleting"));
    CHECK(s.refusal("DELETE FROM backups").empty());
  }
}

TEST_CASE("the schema refuses to delete what another job reads") {
  ledger_file s;
  s.add("ready");
  s.must("INSERT INTO locks(resource, job_row, mode, acquired_at) VALUES"
         " ('backup:' || "
         + uuid(1) + ", 2, 'S', 1)");
  CHECK_THAT(s.set("state = 'deleting', owner_job = 1"),
             Contains("is being read"));
  s.must("DELETE FROM locks");
  s.must("INSERT INTO locks(resource, job_row, mode, acquired_at) VALUES"
         " ('backup:' || "
         + uuid(1) + ", 1, 'X', 1)");
  CHECK(s.set("state = 'deleting', owner_job = 1").empty());
}

TEST_CASE("the schema refuses jobs that end with something in their hands") {
  ledger_file s;
  SECTION("a backup") {
    s.add(GENERATE("creating", "deleting"));
    CHECK_THAT(s.end("cancelled"), Contains("owns a backup"));
    s.must("DELETE FROM backups");
  }
  SECTION("a replaced tree") {
    s.must(replaced("'tree'"));
    s.must("UPDATE replaced SET claimed_by = 1");
    CHECK_THAT(s.end("cancelled"), Contains("claims a replaced tree"));
    s.must("UPDATE replaced SET claimed_by = NULL");
  }
  CHECK(s.end("cancelled").empty());
}

TEST_CASE("the schema refuses replaced trees that mean nothing") {
  ledger_file s;
  const auto broken = [&](const std::string& sql) {
    CHECK_FALSE(s.refusal(sql).empty());
  };
  broken(replaced("''"));
  broken(replaced("'a/b'"));
  broken(replaced("NULL"));
  broken(replaced("'tree'", "2"));
  s.must(replaced("'tree'"));
  broken(replaced("'another'")); // one tree per restore
  broken("UPDATE replaced SET server = 'x'");
  broken("UPDATE replaced SET replaced_by = 'x'");
  broken("UPDATE replaced SET keep_until = NULL");
  broken("UPDATE replaced SET claimed_by = 9");
  broken("INSERT INTO replaced SELECT " + uuid(2)
         + ", server, server_row, name, merged, NULL, 1, 2 FROM replaced");
}

TEST_CASE("the schema refuses to lose a replaced tree") {
  ledger_file s;
  s.must(replaced("'tree'"));
  CHECK_THAT(s.refusal("DELETE FROM replaced"), Contains("leaves by a job"));
  s.must("UPDATE replaced SET claimed_by = 1");
  CHECK(s.refusal("DELETE FROM replaced").empty());
}

TEST_CASE("the schema refuses tokens and schedules that mean nothing") {
  ledger_file s;
  const auto broken = [&](const std::string& sql) {
    INFO(sql);
    CHECK_FALSE(s.refusal(sql).empty());
  };
  broken("INSERT INTO burnt_tokens(id, expires_at) VALUES ('', 1)");
  broken("INSERT INTO burnt_tokens(id, expires_at) VALUES ('"
         + std::string(256, 'x') + "', 1)");
  broken("INSERT INTO burnt_tokens(id, expires_at) VALUES ('x', NULL)");
  broken("INSERT INTO burnt_tokens(id, expires_at) VALUES ('x', 'soon')");
  s.must("INSERT INTO burnt_tokens(id, expires_at) VALUES ('x', 1)");
  broken("INSERT INTO burnt_tokens(id, expires_at) VALUES ('x', 1)");
  broken("INSERT INTO schedules(name, next_at) VALUES ('', 1)");
  broken("INSERT INTO schedules(name, next_at) VALUES ('a', NULL)");
  s.must("INSERT INTO schedules(name, next_at) VALUES ('a', 1)");
  broken("INSERT INTO schedules(name, next_at) VALUES ('a', 1)");
}

// -- from earlier versions ----------------------------------------------------

TEST_CASE("a delete that was given up before version 14 leaves no backup that "
          "lies nowhere") {
  ledger_file s{13};
  const auto lies =
      GENERATE(as<std::string>{}, "here", "in a store", "nowhere");
  s.add("deleting");
  if (lies != "here")
    s.must("UPDATE backups SET is_local = 0");
  s.must("UPDATE backups SET owner_job = NULL");
  if (lies == "in a store") {
    s.must("DROP TRIGGER places_of_ready_backups");
    s.must("INSERT INTO backup_places(backup, place, key, etag, size,"
           " stored_at) VALUES ("
           + uuid(1) + ", 'offsite', 'k', 'e', 5, 2)");
  }
  s.migrate_to(14);
  CHECK(s.integer("SELECT count(*) FROM backups WHERE state = 'ready'") == 1);
  CHECK(s.integer("SELECT count(*) FROM backups WHERE lost_at IS NOT NULL")
        == (lies == "nowhere" ? 1 : 0));
}

TEST_CASE("a job that was held up before version 14 is so since then") {
  ledger_file s{13};
  s.must("UPDATE jobs SET version = 2, reason = 'Away',"
         " held_by = 'Away', held_since = 7, waiting_since = 7"
         " WHERE job_row = 1");
  s.migrate_to(14);
  CHECK(s.integer("SELECT coalesce(held_by_since, held_since) FROM jobs"
                  " WHERE job_row = 1")
        == 7);
  // The next save of it puts both on record.
  s.must("UPDATE jobs SET version = 3, held_by_since = 9 WHERE job_row = 1");
}

TEST_CASE("a ledger of version 1 keeps all it has when it becomes version 2") {
  ledger_file s{1};
  s.must("INSERT INTO locks(resource, job_row, mode, acquired_at)"
         " VALUES ('server:1', 1, 'X', 1)");
  REQUIRE(s.integer("SELECT count(*) FROM sqlite_schema"
                    " WHERE name = 'backups'")
          == 0);
  REQUIRE(migrate(s.db(), embedded_migrations(), 7));
  CHECK(s.integer("SELECT max(version) FROM schema_migrations")
        == static_cast<std::int64_t>(embedded_migrations().size()));
  CHECK(s.integer("SELECT count(*) FROM jobs") == 2);
  CHECK(s.integer("SELECT count(*) FROM servers") == 1);
  CHECK(s.integer("SELECT count(*) FROM locks") == 1);
  CHECK(s.integer("SELECT count(*) FROM backups") == 0);
  s.must("DELETE FROM locks");
  CHECK(s.end("cancelled").empty());
  s.must("INSERT INTO backups(uuid, server, state, owner_job, created_at)"
         " VALUES ("
         + uuid(1) + ", " + uuid(1) + ", 'creating', 2, 1)");

  SECTION("and a copy of before lies beside it") {
    const auto file = s.place() / "alula.db.before-2";
    REQUIRE(std::filesystem::exists(file));
    CHECK(count_in(file, "SELECT count(*) FROM jobs") == 2);
    CHECK(count_in(file, "SELECT max(version) FROM schema_migrations") == 1);
    CHECK(count_in(file, "SELECT count(*) FROM sqlite_schema"
                         " WHERE name = 'backups'")
          == 0);
  }
}
