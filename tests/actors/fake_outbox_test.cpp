#include "tests/actors/memory_world.hpp"
#include "tests/contracts/status_ledger_contract.hpp"

using namespace alula;
using actors_test::make_memory_world;

TEST_CASE("the fake ledger keeps reports", "[actors]") {
  contracts::ledger_keeps_reports(make_memory_world);
}

TEST_CASE("the fake ledger orders reports", "[actors]") {
  contracts::ledger_orders_reports(make_memory_world);
}

TEST_CASE("the fake ledger lists reports", "[actors]") {
  contracts::ledger_lists_reports(make_memory_world);
}

TEST_CASE("the fake ledger notes what the Panel knows", "[actors]") {
  contracts::ledger_notes_what_the_panel_knows(make_memory_world);
}

TEST_CASE("the fake ledger keeps the newest state of a container", "[actors]") {
  contracts::ledger_keeps_the_newest_status(make_memory_world);
}
