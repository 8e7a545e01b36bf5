/// What every ledger promises about paused pools.
#pragma once

#include "tests/contracts/ledger_session.hpp"

#include <memory>
#include <string>
#include <vector>

namespace alula::contracts {

inline void ledger_keeps_pauses(world_maker make_world) {
  const auto world = make_world();
  const auto pools_told = [](const ledger_session& session) {
    std::vector<std::string> out;
    for (const auto& e : session.journal().events())
      if (e.type.starts_with("pool."))
        out.push_back(e.type + " " + e.data);
    return out;
  };
  auto life = std::make_unique<ledger_session>(*world);
  auto& session = *life;
  CHECK(session.found().paused_pools.empty());
  const auto since = session.now();
  REQUIRE(session.amend(
      {jobs::pause_pool{{"backup", since, "disk \"b\"", "Anna"}}}));

  SECTION("a pause is told, of no job") {
    REQUIRE(session.journal().events().size() == 1);
    const auto told = session.journal().events().front();
    CHECK(told.type == "pool.paused");
    CHECK(told.data
          == R"({"pool":"backup","reason":"disk \"b\"","by":"Anna"})");
    CHECK(told.job.empty());
    CHECK(told.at == since);
    CHECK(told.seq > 0);
  }
  SECTION("a pause survives restarts, clean or not") {
    const bool clean = GENERATE(true, false);
    if (clean)
      session.end();
    life.reset();
    ledger_session next{*world};
    REQUIRE(next.found().paused_pools.size() == 1);
    const auto& kept = next.found().paused_pools.front();
    CHECK(kept.pool == "backup");
    CHECK(kept.since == since);
    CHECK(kept.reason == "disk \"b\"");
    CHECK(kept.by == "Anna");
  }
  SECTION("a pool that is paused stays as it is") {
    REQUIRE(session.amend({jobs::pause_pool{{"backup", since + 5, "else"}}}));
    CHECK(pools_told(session).size() == 1);
    session.end();
    ledger_session next{*world};
    CHECK(next.found().paused_pools.front().since == since);
    CHECK(next.found().paused_pools.front().reason == "disk \"b\"");
  }
  SECTION("a resumed pool is paused no more, and each turn is told once") {
    REQUIRE(session.amend({jobs::resume_pool{"backup"}}));
    REQUIRE(session.amend({jobs::resume_pool{"backup"}}));
    REQUIRE(session.amend({jobs::pause_pool{{"purge", since, ""}}}));
    CHECK(
        pools_told(session)
        == std::vector<std::string>{
            R"(pool.paused {"pool":"backup","reason":"disk \"b\"","by":"Anna"})",
            R"(pool.resumed {"pool":"backup"})",
            R"(pool.paused {"pool":"purge","reason":"","by":""})"});
    session.end();
    ledger_session next{*world};
    REQUIRE(next.found().paused_pools.size() == 1);
    CHECK(next.found().paused_pools.front().pool == "purge");
  }
}

} // namespace alula::contracts
