#include "actors/access_keeper.hpp"
#include "tests/contracts/access_ledger_contract.hpp"
#include "tests/doubles/fake_ledger.hpp"
#include "tests/doubles/fake_queries.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <optional>

using namespace alula;
using contracts::sample_audit;
using contracts::sample_token;

namespace {

struct keeper_world {
  keeper_world() { REQUIRE(ledger->begin(journal)); }
  ~keeper_world() {
    keeper.stop();
    ledger->end();
  }

  template<class T, class Ask>
  jobs::result<T> wait(Ask ask) {
    auto promise = std::make_shared<std::promise<jobs::result<T>>>();
    auto answer = promise->get_future();
    ask([promise](jobs::result<T> got) { promise->set_value(std::move(got)); });
    REQUIRE(answer.wait_for(std::chrono::seconds{20})
            == std::future_status::ready);
    return answer.get();
  }
  jobs::status keep(const jobs::token_record& token) {
    return wait<void>([&](auto done) { keeper.keep(token, done); });
  }
  jobs::result<jobs::token_record> revoke(const std::string& id) {
    return wait<jobs::token_record>(
        [&](auto done) { keeper.revoke(id, done); });
  }

  doubles::fake_clock clock;
  std::shared_ptr<doubles::fake_store> store =
      std::make_shared<doubles::fake_store>();
  contracts::commit_journal journal;
  std::unique_ptr<doubles::fake_ledger> ledger =
      std::make_unique<doubles::fake_ledger>(store, clock);
  doubles::fake_queries queries{store};
  actors::access_keeper keeper{queries, *ledger, clock};
};

} // namespace

TEST_CASE("a token that is kept is known and on disk", "[actors]") {
  keeper_world w;
  CHECK(w.keeper.tokens()->empty());
  REQUIRE(w.keep(sample_token()));
  REQUIRE(w.keeper.tokens()->size() == 1);
  CHECK(w.queries.list_tokens()->front() == sample_token());
}

TEST_CASE("a token that the ledger refuses is not known", "[actors]") {
  keeper_world w;
  REQUIRE(w.keep(sample_token()));
  auto again = sample_token();
  again.name = "another of the same id";
  CHECK_FALSE(w.keep(again));
  CHECK(w.keeper.tokens()->front().name == sample_token().name);
}

TEST_CASE("the keeper knows after load what was on disk", "[actors]") {
  keeper_world w;
  REQUIRE(w.keep(sample_token()));
  actors::access_keeper next{w.queries, *w.ledger, w.clock};
  CHECK_FALSE(next.is_loaded());
  CHECK(next.tokens()->empty());
  REQUIRE(next.load());
  CHECK(next.is_loaded());
  CHECK(next.tokens()->size() == 1);
}

TEST_CASE("a revoked token is good for nobody and stays so", "[actors]") {
  keeper_world w;
  REQUIRE(w.keep(sample_token()));
  const auto revoked = w.revoke(sample_token().id);
  REQUIRE(revoked);
  CHECK_FALSE(w.keeper.tokens()->front().is_good(0));
  w.clock.advance(std::chrono::seconds{5});
  CHECK(w.revoke(sample_token().id)->revoked_at == revoked->revoked_at);
  CHECK(w.revoke("nobody").error().code == jobs::fault_code::token_not_found);
}

TEST_CASE("audit rows and uses are on disk when the keeper has stopped",
          "[actors]") {
  keeper_world w;
  REQUIRE(w.keep(sample_token()));
  w.keeper.record(sample_audit("/api/a"));
  w.keeper.note_use(sample_token().id, 7'000);
  w.keeper.stop();
  CHECK(w.queries.list_audit({}, 0, 10)->items.size() == 1);
  CHECK(w.queries.list_tokens()->front().used_at == 7'000);
}

TEST_CASE("a stopped keeper takes nothing more", "[actors]") {
  keeper_world w;
  w.keeper.stop();
  CHECK(w.keep(sample_token()).error().code == jobs::fault_code::shutting_down);
  const auto page = w.wait<jobs::audit_page>(
      [&](auto done) { w.keeper.list_audit({}, 0, 10, done); });
  CHECK_FALSE(page);
}
