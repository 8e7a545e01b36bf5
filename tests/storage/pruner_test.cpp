#include "storage/pruner.hpp"
#include "tests/contracts/trash_ledger_contract.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::storage;
using contracts::ledger_session;

namespace {

constexpr auto month = std::chrono::hours{24 * 31};

/// Prunes as a ledger does that has nothing else to do.
struct idle_world {
  idle_world() {
    world.settings.idle_delay = std::chrono::milliseconds{1};
    world.settings.prune_interval = std::chrono::milliseconds{1};
  }
  sqlite_world world;
};

/// Prunes by hand, to see single transactions.
struct by_hand {
  explicit by_hand(sqlite_world& world)
    : db(database::open(world.file, database::access::write).value()),
      subject(db, world.clock, world.settings) {}
  /// Rows of a table before and after one transaction.
  void all() {
    while (*subject.prune_some(news)) {
    }
  }
  database db;
  pruner subject;
  ledger_news news;
};

std::int64_t count_jobs(const sqlite_world& world) {
  return count_in(world.file, "SELECT count(*) FROM jobs");
}

} // namespace

TEST_CASE("an idle ledger forgets ended jobs when their time is over") {
  idle_world idle;
  auto& world = idle.world;
  ledger_session session{world};
  const auto ended = session.run_to_end(session.must_accept(session.draft()));
  const auto live = session.must_accept(session.draft());
  world.clock.advance(month);
  session.must_accept(session.draft());
  REQUIRE(session.journal().wait_for_forgotten(1));
  CHECK(session.journal().forgotten_ids()
        == std::vector<jobs::job_id>{ended.id});
  CHECK(session.start(live).version == 2);
}

TEST_CASE("pruning goes a few hundred jobs at a time") {
  sqlite_world world;
  {
    ledger_session session{world};
    for (int i = 0; i < 510; ++i)
      session.cancel(session.must_accept(session.draft()));
    session.end();
  }
  world.clock.advance(month);
  by_hand prune{world};
  REQUIRE(*prune.subject.prune_some(prune.news));
  CHECK(count_jobs(world) == 10);
  CHECK(prune.news.forgotten.size() == 500);
  prune.all();
  CHECK(count_jobs(world) == 0);
  CHECK(count_in(world.file, "SELECT count(*) FROM job_steps") == 0);
  CHECK(count_in(world.file, "SELECT count(*) FROM events") == 0);
}

TEST_CASE("a job that still owns a server or trash is not pruned") {
  sqlite_world world;
  {
    ledger_session session{world};
    contracts::deletion del{session};
    del.give_up();
    session.end();
  }
  world.clock.advance(month * 4);
  by_hand prune{world};
  prune.all();
  // The creation is gone, the delete is not.
  CHECK(count_jobs(world) == 1);
}

TEST_CASE("idempotency keys are pruned after a day, not before") {
  sqlite_world world;
  {
    ledger_session session{world};
    for (const auto* key : {"ended", "live"}) {
      auto what = session.draft();
      what.key = jobs::idempotency{"panel", key, "f"};
      const auto job = session.must_accept(what);
      if (key == std::string_view{"ended"})
        session.run_to_end(job);
    }
    session.end();
  }
  by_hand prune{world};
  world.clock.advance(std::chrono::hours{23});
  prune.all();
  CHECK(count_in(world.file, "SELECT count(*) FROM idempotency") == 2);
  world.clock.advance(std::chrono::hours{2});
  prune.all();
  CHECK(count_in(world.file, "SELECT count(*) FROM idempotency") == 1);
}

TEST_CASE("events are pruned by age and by number") {
  sqlite_world world;
  const auto old_events = 20, new_events = 30;
  {
    ledger_session session{world};
    for (int i = 0; i < old_events; ++i)
      session.must_accept(session.draft());
    world.clock.advance(std::chrono::hours{24 * 6});
    for (int i = 0; i < new_events; ++i)
      session.must_accept(session.draft());
    session.end();
  }
  const auto count = "SELECT count(*) FROM events";
  SECTION("within a week all are kept") {
    by_hand prune{world};
    prune.all();
    CHECK(count_in(world.file, count) == old_events + new_events);
  }
  SECTION("those older than a week go") {
    world.clock.advance(std::chrono::hours{24 * 2});
    by_hand prune{world};
    prune.all();
    CHECK(count_in(world.file, count) == new_events);
    CHECK(count_in(world.file, "SELECT min(seq) FROM events")
          == old_events + 1);
  }
  SECTION("only the newest are kept when there are too many") {
    world.settings.max_events = 10;
    by_hand prune{world};
    prune.all();
    CHECK(count_in(world.file, count) == 10);
  }
}

TEST_CASE("rows of deleted servers go when no job speaks of them") {
  sqlite_world world;
  {
    ledger_session session{world};
    contracts::deletion del{session};
    del.detach();
    del.begin_purge(true);
    del.end_purge();
    session.add_server(contracts::sample_server(2));
    session.end();
  }
  const auto count = "SELECT count(*) FROM servers";
  by_hand prune{world};
  prune.all();
  CHECK(count_in(world.file, count) == 2);
  world.clock.advance(month);
  prune.all();
  CHECK(count_in(world.file, count) == 1);
}
