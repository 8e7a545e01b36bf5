// No statement walks a big table: SQLite's plan of every one, on a ledger with
// history in it.
#include "storage/access_sql.hpp"
#include "storage/backup_sql.hpp"
#include "storage/job_lists.hpp"
#include "storage/ledger_sql.hpp"
#include "storage/outbox_sql.hpp"
#include "storage/place_sql.hpp"
#include "storage/query_sql.hpp"
#include "storage/system_sql.hpp"
#include "tests/contracts/trash_ledger_contract.hpp"
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
  world.settings.tells_panel = true;
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
  for (int i = 0; i < 40; ++i) {
    jobs::archive_file file;
    auto digits = std::to_string(100 + i);
    file.backup =
        *jobs::backup_id::parse("0b5d3b1e-5c47-4f0a-9b1e-0d3a2c000" + digits);
    file.size = 1;
    session.ledger().amend({jobs::record_found_backup{file}},
                           [](const jobs::status&) {});
    session.ledger().burn_token(digits, i, [](const jobs::result<bool>&) {});
    const jobs::tell_panel report{"backup:" + digits, "POST", "/a", "{}"};
    session.ledger().amend({report, report}, [](const jobs::status&) {});
  }
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
  std::set<std::string> big{"jobs",          "events",   "job_steps",
                            "backups",       "replaced", "burnt_tokens",
                            "outbox",        "audit",    "idempotency",
                            "backup_places", "systems",  "system_backups"};
  const std::string text{sql.text};
  const std::regex alias{
      "\\b(jobs|events|job_steps|backups|replaced|burnt_tokens|"
      "outbox|idempotency|backup_places|systems|system_backups) ([a-z])\\b"};
  for (std::sregex_iterator i{text.begin(), text.end(), alias}, end; i != end;
       ++i)
    big.insert((*i)[2]);
  // Of all backups of systems only those are in it that a job makes or removes.
  const std::string under_way = " USING INDEX system_backups_owner";
  const std::regex scan{"SCAN (\\w+)"};
  for (std::sregex_iterator i{plan.begin(), plan.end(), scan}, end; i != end;
       ++i)
    if (big.contains((*i)[1]) && !i->suffix().str().starts_with(under_way))
      return true;
  return false;
}

/// Sorting reads every row that matches before it gives the first. These sort
/// few: what was named, and what one server has.
bool sorts_many(const std::string& plan, const named_sql& sql) {
  const std::set<std::string_view> few{"jobs_by_id", "jobs_by_id_begin",
                                       "jobs_by_server_begin",
                                       "events_of_server", "trash"};
  return plan.find("TEMP B-TREE FOR ORDER BY") != std::string::npos
         && !few.contains(sql.name);
}

template<class Table>
void check_all(database& db, const Table& table) {
  for (const auto& sql : table) {
    const auto plan = plan_of(db, sql);
    INFO(sql.name << ":\n" << plan);
    CHECK_FALSE(walks_a_big_table(plan, sql));
  }
}

std::vector<std::string_view> sources(const jobs::job_filter& filter) {
  std::vector<std::string_view> names;
  for (const auto* sql : sources_of(filter))
    names.push_back(sql->name);
  return names;
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
  for (const auto& sql : query_statements) {
    const auto plan = plan_of(db, sql);
    INFO(sql.name << ":\n" << plan);
    CHECK_FALSE(sorts_many(plan, sql));
  }
  check_all(db, backup_statements);
  check_all(db, outbox_statements);
  check_all(db, place_statements);
  check_all(db, system_statements);
  check_all(db, access_statements);
}

TEST_CASE("a sort would be noticed") {
  sqlite_world world;
  populate(world);
  auto db = database::open(world.file, database::access::write).value();
  const named_sql sql{"test", "SELECT * FROM jobs INDEXED BY jobs_by_age"
                              " WHERE created_at > 5 ORDER BY job_row DESC"};
  CHECK(sorts_many(plan_of(db, sql), sql));
}

TEST_CASE("a list goes by the index that leaves the fewest rows") {
  using enum jobs::job_state;
  using names = std::vector<std::string_view>;
  const auto server = contracts::sample_server();
  CHECK(sources({}) == names{"jobs"});
  CHECK(sources({.done = true}) == names{"jobs"});
  CHECK(sources({.states = {succeeded, failed}}) == names{"jobs"});
  CHECK(sources({.done = false}) == names{"live_jobs"});
  CHECK(sources({.server = server, .done = false}) == names{"live_jobs"});
  CHECK(sources({.server = server}) == names{"jobs_by_server"});
  CHECK(sources({.states = {failed, parked}}) == names{"troubled_jobs"});
  CHECK(sources({.states = {parked}}) == names{"troubled_jobs"});
  CHECK(sources({.kind = "a.b"}) == names{"jobs_by_kind"});
  CHECK(sources({.kind = "a.*"}) == names{"jobs_by_kind"});
  CHECK(sources({.ids = {jobs::make_job_id(1)}}) == names{"jobs_by_id"});
  CHECK(sources({.begins = "0199c1de"})
        == names{"jobs_by_id_begin", "jobs_by_server_begin"});
  // From when on is a matter of rows.
  CHECK(sources({.created_after = 1}) == names{"jobs"});
  // Some live and some ended: both indexes, not the history.
  CHECK(sources({.states = {running, failed}})
        == names{"live_jobs", "troubled_jobs"});
  // What says the same twice, and what says nothing.
  CHECK(sources({.states = {cancelled, running}, .done = true})
        == names{"troubled_jobs"});
  CHECK(sources({.states = {cancelled, running}, .done = false})
        == names{"live_jobs"});
  CHECK(sources({.states = {running}, .done = true}).empty());
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
  CHECK(notices("SELECT * FROM backups b WHERE b.damage = 'x'"));
  CHECK(notices("SELECT * FROM replaced WHERE merged = 1"));
  CHECK(notices("SELECT * FROM burnt_tokens ORDER BY id"));
  CHECK(notices("SELECT * FROM outbox WHERE state = 'delivered'"));
  CHECK(notices("SELECT * FROM idempotency i WHERE i.fingerprint = 'x'"));
  CHECK(notices("SELECT * FROM backup_places p WHERE p.place = 'x'"));
  CHECK(notices("SELECT * FROM systems s WHERE s.name = 'x'"));
  CHECK(notices("SELECT * FROM system_backups WHERE filename = 'x'"));
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
  names.clear();
  for (const auto& sql : backup_statements)
    CHECK(names.insert(sql.name).second);
  names.clear();
  for (const auto& sql : outbox_statements)
    CHECK(names.insert(sql.name).second);
}
