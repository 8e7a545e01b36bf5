#include "tests/actors/memory_world.hpp"
#include "tests/contracts/backup_ledger_contract.hpp"
#include "tests/contracts/place_ledger_contract.hpp"
#include "tests/contracts/restore_ledger_contract.hpp"
#include "tests/contracts/system_ledger_contract.hpp"

using namespace alula;
using actors_test::make_memory_world;

TEST_CASE("the fake ledger keeps backups", "[actors]") {
  contracts::ledger_keeps_backups(make_memory_world);
}

TEST_CASE("the fake ledger keeps places and transfers", "[actors][far]") {
  contracts::ledger_keeps_places(make_memory_world);
}

TEST_CASE("the fake ledger keeps systems and their backups",
          "[actors][systems]") {
  contracts::ledger_keeps_systems(make_memory_world);
}

TEST_CASE("the fake ledger deletes backups", "[actors]") {
  contracts::ledger_deletes_backups(make_memory_world);
}

TEST_CASE("the fake ledger keeps restores", "[actors]") {
  contracts::ledger_keeps_restores(make_memory_world);
}

TEST_CASE("the fake ledger keeps tokens and schedules", "[actors]") {
  contracts::ledger_keeps_tokens_and_schedules(make_memory_world);
}

TEST_CASE("the fake ledger lists backups", "[actors]") {
  contracts::ledger_lists_backups(make_memory_world);
}
