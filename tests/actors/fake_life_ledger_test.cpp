#include "tests/actors/memory_world.hpp"
#include "tests/contracts/life_ledger_contract.hpp"

using namespace alula;
using actors_test::make_memory_world;

TEST_CASE("the fake ledger knows the life of servers", "[actors]") {
  contracts::ledger_knows_the_life_of_servers(make_memory_world);
}
