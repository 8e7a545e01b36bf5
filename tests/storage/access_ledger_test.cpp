#include "storage/pruner.hpp"
#include "storage/sqlite_queries.hpp"
#include "tests/contracts/access_ledger_contract.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::storage;
using contracts::sample_audit;
using contracts::sample_token;

TEST_CASE("sqlite_ledger keeps tokens") {
  contracts::ledger_keeps_tokens(make_sqlite_world);
}

TEST_CASE("sqlite_ledger keeps an audit") {
  contracts::ledger_keeps_an_audit(make_sqlite_world);
}

TEST_CASE("the audit and useless tokens are pruned after a while") {
  sqlite_world world;
  {
    contracts::ledger_session session{world};
    REQUIRE(session.amend({jobs::keep_token{sample_token('a')}}));
    auto for_ever = sample_token('b');
    for_ever.expires_at = 0;
    REQUIRE(session.amend({jobs::keep_token{for_ever}}));
    REQUIRE(session.amend({jobs::keep_audit{sample_audit("/old")}}));
    auto fresh = sample_audit("/fresh");
    fresh.at = world.clock.now();
    REQUIRE(session.amend({jobs::keep_audit{fresh}}));
    session.end();
  }
  auto db = database::open(world.file, database::access::write).value();
  pruner subject{db, world.clock, world.settings};
  ledger_news news;
  while (*subject.prune_some(news)) {
  }
  const auto reading = world.reader();
  const auto tokens = reading->list_tokens().value();
  REQUIRE(tokens.size() == 1);
  CHECK(tokens.front().id == sample_token('b').id);
  const auto audit = reading->list_audit({}, 0, 10).value();
  REQUIRE(audit.items.size() == 1);
  CHECK(audit.items.front().path == "/fresh");
}

TEST_CASE("what a token may do never changes") {
  sqlite_world world;
  {
    contracts::ledger_session session{world};
    REQUIRE(session.amend({jobs::keep_token{sample_token()}}));
    REQUIRE(session.amend({jobs::keep_audit{sample_audit("/a")}}));
    session.end();
  }
  auto db = database::open(world.file, database::access::write).value();
  CHECK_FALSE(db.run({"widen", "UPDATE principals SET role = 'admin'"}));
  CHECK_FALSE(db.run({"widen", "UPDATE principals SET scope = '{\"all\":1}'"}));
  CHECK_FALSE(db.run({"forge", "UPDATE audit SET name = 'somebody else'"}));
}
