// Backups, restores, tokens and schedules in SQLite.
#include "storage/pruner.hpp"
#include "storage/sqlite_queries.hpp"
#include "tests/contracts/backup_ledger_contract.hpp"
#include "tests/contracts/place_ledger_contract.hpp"
#include "tests/contracts/restore_ledger_contract.hpp"
#include "tests/contracts/system_ledger_contract.hpp"
#include "tests/storage/ledger_place.hpp"

using namespace alula;
using namespace alula::storage;

TEST_CASE("sqlite_ledger keeps backups") {
  contracts::ledger_keeps_backups(make_sqlite_world);
}

TEST_CASE("sqlite_ledger keeps systems and their backups", "[systems]") {
  contracts::ledger_keeps_systems(make_sqlite_world);
}

TEST_CASE("sqlite_ledger deletes backups") {
  contracts::ledger_deletes_backups(make_sqlite_world);
}

TEST_CASE("sqlite_ledger keeps places and transfers", "[far]") {
  contracts::ledger_keeps_places(make_sqlite_world);
}

TEST_CASE("sqlite_ledger keeps restores") {
  contracts::ledger_keeps_restores(make_sqlite_world);
}

TEST_CASE("sqlite_ledger keeps tokens and schedules") {
  contracts::ledger_keeps_tokens_and_schedules(make_sqlite_world);
}

TEST_CASE("sqlite_ledger lists backups") {
  contracts::ledger_lists_backups(make_sqlite_world);
}

TEST_CASE("a restore is not pruned while it can be taken back") {
  constexpr std::chrono::hours a_year{24 * 365};
  sqlite_world world;
  jobs::job_id restore;
  {
    contracts::backup_session session{world};
    const std::chrono::milliseconds kept = 2 * a_year;
    restore = session.restore(session.first, session.now() + kept.count()).id;
    session.end();
  }
  world.clock.advance(a_year);
  auto db = database::open(world.file, database::access::write).value();
  pruner subject{db, world.clock, world.settings};
  ledger_news news;
  while (*subject.prune_some(news)) {
  }
  CHECK(count_in(world.file, "SELECT count(*) FROM jobs WHERE id = '"
                                 + restore.to_string() + "'")
        == 1);
}

TEST_CASE("used tokens are forgotten when they have expired, some at a time") {
  sqlite_world world;
  {
    contracts::backup_session session{world};
    for (int i = 0; i < 1'200; ++i)
      session.ledger().burn_token("old " + std::to_string(i),
                                  session.now() + 10,
                                  [](const jobs::result<bool>&) {});
    CHECK(session.burn("new", session.now() + 1'000'000));
    session.end();
  }
  const auto left = [&] {
    return count_in(world.file, "SELECT count(*) FROM burnt_tokens");
  };
  REQUIRE(left() == 1'201);
  world.clock.advance(std::chrono::milliseconds{100});
  auto db = database::open(world.file, database::access::write).value();
  pruner subject{db, world.clock, world.settings};
  ledger_news news;
  auto before = left();
  while (*subject.prune_some(news)) {
    CHECK(before - left() <= 500);
    before = left();
  }
  CHECK(left() == 1);
}
