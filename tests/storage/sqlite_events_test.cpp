// What is read of the log of events.
#include "storage/sqlite_queries.hpp"
#include "tests/storage/history.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace alula;
using namespace alula::storage;
using contracts::ledger_session;
using contracts::sample_kind;

TEST_CASE("events follow a cursor, for all, a job, a server or a kind") {
  history h;
  const auto heard = h.session.journal().events();

  SECTION("all, as the listener heard them") {
    const auto page = h.queries.events_after(0, {}, 1000);
    REQUIRE(page);
    REQUIRE(page->items.size() == heard.size());
    for (std::size_t i = 0; i < heard.size(); ++i) {
      CHECK(page->items[i].seq == heard[i].seq);
      CHECK(page->items[i].job == heard[i].job);
      CHECK(page->items[i].server == heard[i].server);
      CHECK(page->items[i].kind == heard[i].kind);
      CHECK(page->items[i].type == heard[i].type);
      CHECK(page->items[i].job_version == heard[i].job_version);
      CHECK(page->items[i].at == heard[i].at);
      CHECK(page->items[i].data == heard[i].data);
    }
    CHECK(page->last_seq == heard.back().seq);
    CHECK_FALSE(page->truncated);
  }
  SECTION("from a cursor, up to a limit") {
    const auto page = h.queries.events_after(heard[2].seq, {}, 2);
    REQUIRE(page);
    REQUIRE(page->items.size() == 2);
    CHECK(page->items[0].seq == heard[3].seq);
    CHECK(page->last_seq == heard.back().seq);
  }
  SECTION("of a job") {
    CHECK(h.types({.job = h.cancelled.id})
          == std::vector<std::string>{"job.accepted", "job.cancelled"});
    CHECK(h.types({.job = h.cancelled.id}, heard.back().seq).empty());
  }
  SECTION("of a server") {
    const auto of_server = h.types({.server = h.server.uuid});
    CHECK(of_server.size()
          == static_cast<std::size_t>(
              std::ranges::count(heard, h.server.uuid, &jobs::event::server)));
  }
  SECTION("of kinds") {
    CHECK(h.types({.kind = "sample.one"})
          == std::vector<std::string>{"job.accepted"});
    CHECK(h.types({.kind = "sample.*"}).size() > 4);
    CHECK(h.types({.job = h.queued.id, .kind = "sample.two"}).empty());
  }
}

TEST_CASE("an event of a job about systems has what the job was asked") {
  sqlite_world world;
  ledger_session session{world};
  sqlite_queries queries{world.file, world.clock};
  auto of_system = session.draft(sample_kind("system.sample"));
  of_system.job.input = R"({"system":"s1"})";
  session.must_accept(of_system);
  auto of_node = session.draft(sample_kind("systematic.sample"));
  of_node.job.input = R"({"system":"s1"})";
  session.must_accept(of_node);
  const auto heard = session.journal().events();
  const auto page = queries.events_after(0, {}, 10);
  REQUIRE(page);
  CHECK(heard.size() >= 2);
  CHECK(page->items.size() == heard.size());
  for (const auto& events : {heard, page->items})
    for (const auto& one : events)
      CHECK(one.input
            == (one.kind == "system.sample" ? R"({"system":"s1"})" : ""));
}

TEST_CASE("a cursor older than the log is told so") {
  history h;
  const auto heard = h.session.journal().events();
  h.session.end();
  {
    auto db = database::open(h.world.file, database::access::write).value();
    REQUIRE(db.execute("DELETE FROM events WHERE seq <= 4", "test"));
  }
  CHECK(h.queries.events_after(0, {}, 10)->truncated);
  CHECK(h.queries.events_after(3, {}, 10)->truncated);
  CHECK_FALSE(h.queries.events_after(4, {}, 10)->truncated);
  {
    auto db = database::open(h.world.file, database::access::write).value();
    REQUIRE(db.execute("DELETE FROM events", "test"));
  }
  CHECK(h.queries.events_after(0, {}, 10)->truncated);
  CHECK_FALSE(h.queries.events_after(heard.back().seq, {}, 10)->truncated);
  CHECK(h.queries.events_after(0, {}, 10)->last_seq == heard.back().seq);
}
