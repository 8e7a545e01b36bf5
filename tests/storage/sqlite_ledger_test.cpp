#include "storage/sqlite_ledger.hpp"
#include "tests/contracts/ledger_contract.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::storage;
using contracts::ledger_session;

namespace {

std::unique_ptr<contracts::ledger_world> make_world() {
  return std::make_unique<sqlite_world>();
}

} // namespace

TEST_CASE("sqlite_ledger accepts jobs") {
  contracts::ledger_accepts_jobs(make_world);
}

TEST_CASE("sqlite_ledger remembers requests") {
  contracts::ledger_remembers_requests(make_world);
}

TEST_CASE("sqlite_ledger saves jobs") {
  contracts::ledger_saves_jobs(make_world);
}

TEST_CASE("sqlite_ledger keeps lanes and locks") {
  contracts::ledger_keeps_order(make_world);
}

TEST_CASE("sqlite_ledger keeps servers") {
  contracts::ledger_keeps_servers(make_world);
}

TEST_CASE("sqlite_ledger keeps the trash") {
  contracts::ledger_keeps_trash(make_world);
}

TEST_CASE("sqlite_ledger restores a server as suspended as it was") {
  contracts::ledger_restores_suspension(make_world);
}

TEST_CASE("sqlite_ledger survives restarts") {
  contracts::ledger_survives_restarts(make_world);
}
