#include "tests/actors/memory_world.hpp"
#include "tests/contracts/accept_ledger_contract.hpp"
#include "tests/contracts/access_ledger_contract.hpp"
#include "tests/contracts/pool_ledger_contract.hpp"
#include "tests/contracts/restart_ledger_contract.hpp"
#include "tests/contracts/save_ledger_contract.hpp"
#include "tests/contracts/server_ledger_contract.hpp"
#include "tests/contracts/trash_ledger_contract.hpp"

using namespace alula;
using actors_test::make_memory_world;

TEST_CASE("the fake ledger accepts jobs", "[actors]") {
  contracts::ledger_accepts_jobs(make_memory_world);
}

TEST_CASE("the fake ledger remembers requests", "[actors]") {
  contracts::ledger_remembers_requests(make_memory_world);
}

TEST_CASE("the fake ledger saves jobs", "[actors]") {
  contracts::ledger_saves_jobs(make_memory_world);
}

TEST_CASE("the fake ledger keeps order", "[actors]") {
  contracts::ledger_keeps_order(make_memory_world);
}

TEST_CASE("the fake ledger keeps servers", "[actors]") {
  contracts::ledger_keeps_servers(make_memory_world);
}

TEST_CASE("the fake ledger keeps trash", "[actors]") {
  contracts::ledger_keeps_trash(make_memory_world);
}

TEST_CASE("the fake ledger restores suspension", "[actors]") {
  contracts::ledger_restores_suspension(make_memory_world);
}

TEST_CASE("the fake ledger survives restarts", "[actors]") {
  contracts::ledger_survives_restarts(make_memory_world);
}

TEST_CASE("the fake ledger keeps pauses", "[actors]") {
  contracts::ledger_keeps_pauses(make_memory_world);
}

TEST_CASE("the fake ledger keeps tokens", "[actors]") {
  contracts::ledger_keeps_tokens(make_memory_world);
}

TEST_CASE("the fake ledger keeps an audit", "[actors]") {
  contracts::ledger_keeps_an_audit(make_memory_world);
}
