// The life of servers in SQLite.
#include "storage/sqlite_queries.hpp"
#include "tests/contracts/life_ledger_contract.hpp"
#include "tests/storage/ledger_place.hpp"

using namespace alula;
using namespace alula::storage;

TEST_CASE("sqlite_ledger knows the life of servers") {
  contracts::ledger_knows_the_life_of_servers(make_sqlite_world);
}
