// Every illegal state of reports that the database refuses by itself, one
// section each; and the way to version 3.
#include "tests/storage/schema_place.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace alula;
using namespace alula::storage;
using Catch::Contains;

namespace {

/// An INSERT with one column set to something else, or one more.
std::string insert_report(const std::string& column = "",
                          const std::string& value = "") {
  struct cell {
    std::string name, value;
  };
  std::vector<cell> cells{{"subject", "'s'"},     {"method", "'POST'"},
                          {"path", "'/a'"},       {"body", "'{}'"},
                          {"state", "'waiting'"}, {"created_at", "1"},
                          {"next_at", "1"}};
  bool known = column.empty();
  for (auto& c : cells)
    if (c.name == column) {
      c.value = value;
      known = true;
    }
  if (!known)
    cells.push_back({column, value});
  std::string names, values;
  for (const auto& c : cells) {
    names += (names.empty() ? "" : ", ") + c.name;
    values += (values.empty() ? "" : ", ") + c.value;
  }
  return "INSERT INTO outbox(" + names + ") VALUES (" + values + ")";
}

const std::string deliver =
    "UPDATE outbox SET state = 'delivered', tries = tries + 1, tried_at = 2,"
    " ended_at = 2 WHERE report = 1";

} // namespace

TEST_CASE("the schema refuses reports that begin wrong") {
  sql_file s;
  CHECK(s.refusal(insert_report()).empty());
  SECTION("two of a subject under way") {
    CHECK_THAT(s.refusal(insert_report()), Contains("UNIQUE"));
    CHECK(s.refusal(insert_report("subject", "'other'")).empty());
  }
  SECTION("delivered already") {
    CHECK_THAT(s.refusal("INSERT INTO outbox(subject, method, path, body,"
                         " state, tries, created_at, next_at, tried_at,"
                         " ended_at) VALUES ('t', 'POST', '/a', '{}',"
                         " 'delivered', 1, 1, 1, 1, 1)"),
               Contains("starts in line"));
  }
  SECTION("behind nobody") {
    CHECK_THAT(s.refusal("INSERT INTO outbox(subject, method, path, body,"
                         " state, created_at, next_at) VALUES ('t', 'POST',"
                         " '/a', '{}', 'behind', 1, 1)"),
               Contains("nobody is in front"));
    CHECK(s.refusal(insert_report("state", "'behind'")).empty());
  }
  const auto refuses = [&](const char* column, const char* value) {
    s.must(deliver);
    INFO(column << " = " << value);
    CHECK_THAT(s.refusal(insert_report(column, value)), Contains("CHECK"));
  };
  SECTION("about nothing") {
    refuses("subject", "''");
  }
  SECTION("about too much") {
    refuses("subject", "hex(zeroblob(51))");
  }
  SECTION("with a method that changes nothing") {
    refuses("method", "'GET'");
  }
  SECTION("without a path") {
    refuses("path", "'/'");
  }
  SECTION("with a path to another host") {
    refuses("path", "'http://x/'");
  }
  SECTION("with a body that is no JSON") {
    refuses("body", "'{'");
  }
  SECTION("of a job that is none") {
    refuses("job", "'7'");
  }
  SECTION("of a server that is none") {
    refuses("server", "'7'");
  }
  SECTION("in an unknown state") {
    s.must(deliver);
    CHECK_THAT(s.refusal(insert_report("state", "'asleep'")),
               Contains("starts in line"));
  }
  SECTION("tried at no time") {
    refuses("tries", "1");
  }
  SECTION("with a status that is none") {
    refuses("status", "7");
  }
  SECTION("with an empty error") {
    refuses("error", "''");
  }
}

TEST_CASE("the schema refuses wrong moves of reports") {
  sql_file s;
  s.must(insert_report());
  s.must(insert_report("state", "'behind'"));
  s.must(insert_report("state", "'behind'"));

  SECTION("out of order") {
    CHECK_THAT(s.refusal("UPDATE outbox SET state = 'waiting'"
                         " WHERE report = 3"),
               Contains("out of order"));
  }
  SECTION("two at once") {
    CHECK_THAT(s.refusal("UPDATE outbox SET state = 'waiting'"
                         " WHERE report = 2"),
               Contains("UNIQUE"));
  }
  SECTION("past the line") {
    CHECK_THAT(s.refusal("UPDATE outbox SET state = 'dead', tries = 1,"
                         " error = 'e', tried_at = 2, ended_at = 2"
                         " WHERE report = 2"),
               Contains("illegal report transition"));
  }
  SECTION("back into the line") {
    CHECK_THAT(s.refusal("UPDATE outbox SET state = 'behind'"
                         " WHERE report = 1"),
               Contains("illegal report transition"));
  }
  SECTION("delivered without a try") {
    CHECK_THAT(s.refusal("UPDATE outbox SET state = 'delivered', ended_at = 2"
                         " WHERE report = 1"),
               Contains("CHECK"));
  }
  SECTION("delivered at no time") {
    CHECK_THAT(s.refusal("UPDATE outbox SET state = 'delivered', tries = 1,"
                         " tried_at = 2 WHERE report = 1"),
               Contains("CHECK"));
  }
  SECTION("dead for no reason") {
    CHECK_THAT(s.refusal("UPDATE outbox SET state = 'dead', tries = 1,"
                         " tried_at = 2, ended_at = 2 WHERE report = 1"),
               Contains("CHECK"));
  }
  SECTION("tried before its turn") {
    CHECK_THAT(s.refusal("UPDATE outbox SET tries = 1, tried_at = 2"
                         " WHERE report = 2"),
               Contains("CHECK"));
  }
  SECTION("told otherwise") {
    for (const char* column : {"subject = 't'", "method = 'PUT'", "path = '/b'",
                               "body = '[]'", "created_at = 2", "report = 9"})
      CHECK_THAT(s.refusal("UPDATE outbox SET " + std::string{column}
                           + " WHERE report = 1"),
                 Contains("does not change"));
  }
  SECTION("lost") {
    CHECK_THAT(s.refusal("DELETE FROM outbox WHERE report = 1"),
               Contains("when it has ended"));
    CHECK_THAT(s.refusal("DELETE FROM outbox WHERE report = 2"),
               Contains("when it has ended"));
  }
  SECTION("after its end") {
    s.must(deliver);
    CHECK_THAT(s.refusal("UPDATE outbox SET tries = 9 WHERE report = 1"),
               Contains("has ended"));
    CHECK_THAT(s.refusal("UPDATE outbox SET state = 'waiting',"
                         " ended_at = NULL WHERE report = 1"),
               Contains("has ended"));
    CHECK(s.refusal("DELETE FROM outbox WHERE report = 1").empty());
  }
}

TEST_CASE("the schema lets only a dead report be told again, once") {
  sql_file s;
  s.must(insert_report());
  const std::string again = "UPDATE outbox SET repeated_as = ";
  CHECK_THAT(s.refusal(again + "2"), Contains("only a dead report"));
  s.must("UPDATE outbox SET state = 'dead', tries = 1, error = 'e',"
         " tried_at = 2, ended_at = 2");
  CHECK_THAT(s.refusal(again + "1"), Contains("only a dead report"));
  CHECK_THAT(s.refusal(again + "2, error = 'f'"), Contains("has ended"));
  s.must(again + "2");
  CHECK_THAT(s.refusal(again + "3"), Contains("only a dead report"));
  CHECK_THAT(s.refusal(again + "NULL"), Contains("only a dead report"));
}

TEST_CASE("the end of a report calls up the next of its subject") {
  sql_file s;
  s.must(insert_report());
  s.must(insert_report("state", "'behind'"));
  s.must(insert_report("state", "'behind'"));
  s.must(deliver);
  CHECK(s.text("SELECT group_concat(state) FROM outbox")
        == "delivered,waiting,behind");
}

TEST_CASE("a ledger of version 2 keeps all it has when it becomes version 3") {
  sql_file s{2};
  const std::string uuid = "'8d3fb5e2-5c47-4f0a-9b1e-000000000010'";
  s.must("INSERT INTO servers(uuid, state, suspended, config, created_at,"
         " updated_at) VALUES ("
         + uuid + ", 'active', 0, '{}', 1, 1)");
  s.must("INSERT INTO backups(uuid, server, state, size, created_at,"
         " completed_at) VALUES ("
         + uuid + ", " + uuid + ", 'ready', 5, 1, 2)");
  s.migrate_to(3);
  CHECK(s.integer("SELECT count(*) FROM servers WHERE quarantined_at IS NULL")
        == 1);
  CHECK(s.integer("SELECT count(*) FROM backups WHERE told_at IS NULL") == 1);
}
