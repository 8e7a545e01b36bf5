/// A place for one fake ledger that outlives the objects that open it.
#pragma once

#include "tests/contracts/ledger_session.hpp"
#include "tests/doubles/fake_ledger.hpp"
#include "tests/doubles/fake_queries.hpp"

#include <memory>

namespace alula::actors_test {

struct memory_world final : contracts::ledger_world {
  std::unique_ptr<jobs::ledger> open() override {
    return std::make_unique<doubles::fake_ledger>(store, clock);
  }
  std::unique_ptr<jobs::queries> reader() override {
    return std::make_unique<doubles::fake_queries>(store);
  }
  void set_panel(bool has_panel) override { store->tells_panel = has_panel; }
  std::shared_ptr<doubles::fake_store> store =
      std::make_shared<doubles::fake_store>();
};

inline std::unique_ptr<contracts::ledger_world> make_memory_world() {
  return std::make_unique<memory_world>();
}

} // namespace alula::actors_test
