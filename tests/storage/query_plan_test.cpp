// No statement walks a big table: SQLite's plan of every one, on a ledger with
// history in it.
#include "storage/ledger_sql.hpp"
#include "storage/query_sql.hpp"
#include "tests/contracts/ledger_contract.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

#include <regex>
#include <set>
#include <string>

using namespace alula;
using namespace alula::storage;

namespace {

/// Jobs in every state, servers, trash, locks and keys; with and without the
/// statistics of ANALYZE, which nobody runs but somebody might.
void populate(sqlite_world& world) {
  contracts::ledger_session session{world};
  for (int i = 0; i < 40; ++i) {
    auto what = session.draft(
        contracts::sample_kind(i % 3 == 0 ? "sample.one" : "sample.two"));
    what.key = jobs::idempotency{"panel", std::to_string(i), "f"};
    const auto job = session.must_accept(what);
    if (i % 4 == 0)
      session.cancel(job);
    else if (i % 4 == 1)
      session.run_to_end(job);
    else if (i % 4 == 2)
      session.start(job, {{"backup:" + std::to_string(i), true}});
  }
  contracts::deletion del{session};
  del.detach();
  session.end();
}

std::string plan_of(database& db, const named_sql& sql) {
  const auto text = "EXPLAIN QUERY PLAN " + std::string{sql.text};
  auto answer = db.ask({sql.name, text});
  std::string plan;
  while (answer.next())
    plan += answer.text(3) + "\n";
  if (const auto ended = answer.outcome(); !ended)
    FAIL(sql.name << ": " << ended.error().what);
  return plan;
}

/// "SCAN jobs", and "SCAN j" where j is an alias of it; a search of an index
/// and a walk that a subquery makes of its own result are fine.
bool walks_a_big_table(const std::string& plan, const named_sql& sql) {
  std::set<std::string> big{"jobs", "events", "job_steps"};
  const std::string text{sql.text};
  const std::regex alias{"\\b(jobs|events|job_steps) ([a-z])\\b"};
  for (std::sregex_iterator i{text.begin(), text.end(), alias}, end; i != end;
       ++i)
    big.insert((*i)[2]);
  const std::regex scan{"SCAN (\\w+)"};
  for (std::sregex_iterator i{plan.begin(), plan.end(), scan}, end; i != end;
       ++i)
    if (big.contains((*i)[1]))
      return true;
  return false;
}

template<class Table>
void check_all(database& db, const Table& table) {
  for (const auto& sql : table) {
    const auto plan = plan_of(db, sql);
    INFO(sql.name << ":\n" << plan);
    CHECK_FALSE(walks_a_big_table(plan, sql));
  }
}

} // namespace

TEST_CASE("no statement walks a big table") {
  sqlite_world world;
  populate(world);
  auto db = database::open(world.file, database::access::write).value();
  SECTION("as it is shipped") {}
  SECTION("with statistics") {
    REQUIRE(db.execute("ANALYZE", "test"));
  }
  check_all(db, ledger_statements);
  check_all(db, query_statements);
}

TEST_CASE("a walk would be noticed") {
  sqlite_world world;
  populate(world);
  auto db = database::open(world.file, database::access::write).value();
  const auto notices = [&](const char* text) {
    const named_sql sql{"test", text};
    return walks_a_big_table(plan_of(db, sql), sql);
  };
  CHECK(notices("SELECT * FROM jobs WHERE message = 'x'"));
  CHECK(notices("SELECT * FROM jobs j WHERE j.message = 'x'"));
  // The trap of partial indexes: not their WHERE to the letter.
  CHECK(notices("SELECT job_row FROM jobs WHERE state = 'parked'"));
  CHECK(notices("SELECT * FROM events e WHERE e.at < 5"));
  CHECK(notices("SELECT * FROM job_steps WHERE name = 'x'"));
}

TEST_CASE("removing a job or a server looks at its own rows only") {
  sqlite_world world;
  populate(world);
  auto db = database::open(world.file, database::access::write).value();
  // Every foreign key has an index that begins with it.
  auto keys = db.ask(
      {"keys", "SELECT m.name, f.\"from\" FROM sqlite_schema m,"
               " pragma_foreign_key_list(m.name) f WHERE m.type = 'table'"
               " AND f.\"table\" IN ('jobs', 'servers')"});
  std::vector<std::pair<std::string, std::string>> children;
  while (keys.next())
    children.emplace_back(keys.text(0), keys.text(1));
  REQUIRE(children.size() >= 8);
  for (const auto& [table, column] : children) {
    const auto text = "SELECT 1 FROM " + table + " WHERE " + column + " = 1";
    const auto plan = plan_of(db, {"child", text});
    INFO(table << "." << column << ": " << plan);
    CHECK(plan.find("SCAN") == std::string::npos);
  }
}

TEST_CASE("statements have names of their own") {
  std::set<std::string_view> names;
  for (const auto& sql : ledger_statements)
    CHECK(names.insert(sql.name).second);
  names.clear();
  for (const auto& sql : query_statements)
    CHECK(names.insert(sql.name).second);
}
