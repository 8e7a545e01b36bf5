#include "tests/actors/memory_world.hpp"
#include "tests/contracts/outbox_ledger_contract.hpp"

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
