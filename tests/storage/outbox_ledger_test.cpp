// Reports for the Panel in SQLite.
#include "storage/pruner.hpp"
#include "storage/sqlite_queries.hpp"
#include "tests/contracts/status_ledger_contract.hpp"
#include "tests/storage/ledger_place.hpp"

using namespace alula;
using namespace alula::storage;

TEST_CASE("sqlite_ledger keeps reports") {
  contracts::ledger_keeps_reports(make_sqlite_world);
}

TEST_CASE("sqlite_ledger orders reports") {
  contracts::ledger_orders_reports(make_sqlite_world);
}

TEST_CASE("sqlite_ledger lists reports") {
  contracts::ledger_lists_reports(make_sqlite_world);
}

TEST_CASE("sqlite_ledger notes what the Panel knows") {
  contracts::ledger_notes_what_the_panel_knows(make_sqlite_world);
}

TEST_CASE("sqlite_ledger keeps the newest state of a container") {
  contracts::ledger_keeps_the_newest_status(make_sqlite_world);
}

TEST_CASE("reports outlive the ledger") {
  sqlite_world world;
  world.set_panel(true);
  {
    contracts::outbox_session s{world};
    s.run_to_end(s.must_ask(s.first, {}), {contracts::sample_report(1)});
    CHECK(s.due().size() == 1);
  } // a crash
  auto again = world.open();
  contracts::commit_journal journal;
  REQUIRE(again->begin(journal));
  const auto reader = world.reader();
  const auto due = reader->list_due_reports(world.clock.now(), 10).value();
  REQUIRE(due.size() == 1);
  std::promise<jobs::status> done;
  again->amend({jobs::record_delivery{
                   due.front().row, contracts::delivered_how::delivered, 204}},
               [&](jobs::status s) { done.set_value(std::move(s)); });
  CHECK(done.get_future().get());
  CHECK(reader->count_reports().value().open == 0);
}

TEST_CASE("reports are forgotten a while after their end, not before") {
  sqlite_world world;
  world.set_panel(true);
  {
    contracts::outbox_session s{world};
    for (int i = 1; i <= 3; ++i)
      s.tell(i);
    const auto all = s.list();
    s.settle(all[0].row, contracts::delivered_how::delivered);
    s.settle(all[1].row, contracts::delivered_how::dead, "no");
    s.end();
  }
  const auto left = [&] {
    auto db = database::open(world.file, database::access::write).value();
    pruner subject{db, world.clock, world.settings};
    ledger_news news;
    while (*subject.prune_some(news)) {
    }
    return count_in(world.file, "SELECT count(*) FROM outbox");
  };
  CHECK(left() == 3);
  world.clock.advance(world.settings.delivered_kept);
  CHECK(left() == 2);
  world.clock.advance(world.settings.dead_kept);
  CHECK(left() == 1); // the one that still waits
}
