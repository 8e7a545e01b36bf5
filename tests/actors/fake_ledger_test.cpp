#include "tests/contracts/ledger_contract.hpp"
#include "tests/doubles/fake_ledger.hpp"

using namespace alula;

namespace {

struct memory_world final : contracts::ledger_world {
  std::unique_ptr<jobs::ledger> open() override {
    return std::make_unique<doubles::fake_ledger>(store, clock);
  }
  std::shared_ptr<doubles::fake_store> store =
      std::make_shared<doubles::fake_store>();
};

std::unique_ptr<contracts::ledger_world> make_world() {
  return std::make_unique<memory_world>();
}

} // namespace

TEST_CASE("the fake ledger accepts jobs", "[actors]") {
  contracts::ledger_accepts_jobs(make_world);
}

TEST_CASE("the fake ledger remembers requests", "[actors]") {
  contracts::ledger_remembers_requests(make_world);
}

TEST_CASE("the fake ledger saves jobs", "[actors]") {
  contracts::ledger_saves_jobs(make_world);
}

TEST_CASE("the fake ledger keeps order", "[actors]") {
  contracts::ledger_keeps_order(make_world);
}

TEST_CASE("the fake ledger keeps servers", "[actors]") {
  contracts::ledger_keeps_servers(make_world);
}

TEST_CASE("the fake ledger keeps trash", "[actors]") {
  contracts::ledger_keeps_trash(make_world);
}

TEST_CASE("the fake ledger restores suspension", "[actors]") {
  contracts::ledger_restores_suspension(make_world);
}

TEST_CASE("the fake ledger survives restarts", "[actors]") {
  contracts::ledger_survives_restarts(make_world);
}
