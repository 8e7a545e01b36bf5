/// What every ledger promises about tokens and the audit. `Reading` makes the
/// queries of a world.
#pragma once

#include "tests/contracts/ledger_session.hpp"

#include <memory>
#include <string>

namespace alula::contracts {

inline jobs::token_record sample_token(char digit = 'a') {
  jobs::token_record t;
  t.id = std::string(20, digit);
  t.name = "Nagios";
  t.role = jobs::access_role::operate;
  t.scope.servers = {"8d3fb5e2-5c47-4f0a-9b1e-0d3a2c000001"};
  t.scope.organisations = {"acme/north"};
  t.hash = std::string(64, digit);
  t.created_by = "node";
  t.created_at = 1'000;
  t.expires_at = 9'000;
  return t;
}

inline jobs::audit_record sample_audit(std::string path) {
  jobs::audit_record a;
  a.at = 5'000;
  a.principal = "token:1";
  a.name = "Nagios";
  a.method = "DELETE";
  a.path = std::move(path);
  a.status = 204;
  a.request_id = "r";
  a.remote = "127.0.0.1";
  return a;
}

inline void ledger_keeps_tokens(world_maker make_world) {
  const auto world = make_world();
  ledger_session session{*world};
  const auto reading = world->reader();
  REQUIRE(session.amend({jobs::keep_token{sample_token()}}));
  const auto only = [&] {
    const auto all = reading->list_tokens();
    REQUIRE(all);
    REQUIRE(all->size() == 1);
    return all->front();
  };
  CHECK(only() == sample_token());

  SECTION("an appliance's key has a user and no role") {
    auto key = sample_token('b');
    key.kind = jobs::principal_kind::appliance;
    key.role = jobs::access_role::custom;
    key.subject = "NETH-0001";
    key.scope = {.systems = {"s1"}};
    key.expires_at = 0;
    REQUIRE(session.amend({jobs::keep_token{key}}));
    CHECK(reading->list_tokens()->back() == key);
  }
  SECTION("an id is given once and a hash too") {
    auto same_id = sample_token();
    same_id.hash = std::string(64, 'c');
    CHECK_FALSE(session.amend({jobs::keep_token{same_id}}));
    auto same_hash = sample_token('c');
    same_hash.hash = sample_token().hash;
    CHECK_FALSE(session.amend({jobs::keep_token{same_hash}}));
    CHECK(only() == sample_token());
  }
  SECTION("the first time of a revocation stands") {
    REQUIRE(session.amend({jobs::revoke_token{sample_token().id, 2'000}}));
    REQUIRE(session.amend({jobs::revoke_token{sample_token().id, 3'000}}));
    CHECK(only().revoked_at == 2'000);
  }
  SECTION("nobody misses a token that is not there") {
    CHECK(session.amend({jobs::revoke_token{std::string(20, 'f'), 2'000}}));
    CHECK(session.amend({jobs::note_token_use{std::string(20, 'f'), 2'000}}));
  }
  SECTION("the latest use is kept") {
    REQUIRE(session.amend({jobs::note_token_use{sample_token().id, 3'000}}));
    REQUIRE(session.amend({jobs::note_token_use{sample_token().id, 2'000}}));
    CHECK(only().used_at == 3'000);
  }
  SECTION("tokens survive a restart") {
    session.end();
    ledger_session next{*world};
    CHECK(only() == sample_token());
  }
}

inline void ledger_keeps_an_audit(world_maker make_world) {
  const auto world = make_world();
  ledger_session session{*world};
  const auto reading = world->reader();
  for (const auto* path : {"/api/a", "/api/b", "/api/c"})
    REQUIRE(session.amend({jobs::keep_audit{sample_audit(path)}}));
  auto elsewhere = sample_audit("/api/servers/x");
  elsewhere.principal = "node";
  elsewhere.server = "x";
  elsewhere.job = "0199c1de-0000-7000-8000-000000000001";
  REQUIRE(session.amend({jobs::keep_audit{elsewhere}}));

  SECTION("the newest comes first and is what was kept") {
    auto newest = reading->list_audit({}, 0, 10)->items.front();
    newest.row = 0;
    CHECK(newest == elsewhere);
  }
  SECTION("pages follow each other without a gap") {
    const auto first = reading->list_audit({}, 0, 3);
    REQUIRE(first);
    CHECK(first->items.size() == 3);
    const auto rest = reading->list_audit({}, first->next_before, 3);
    REQUIRE(rest);
    REQUIRE(rest->items.size() == 1);
    CHECK(rest->items.front().path == "/api/a");
    CHECK(rest->next_before == 0);
  }
  SECTION("one principal's changes are found and one server's") {
    CHECK(reading->list_audit({.principal = "token:1"}, 0, 10)->items.size()
          == 3);
    CHECK(reading->list_audit({.server = "x"}, 0, 10)->items.size() == 1);
    CHECK(reading->list_audit({.principal = "token:1", .server = "x"}, 0, 10)
              ->items.empty());
  }
  SECTION("one system's changes are found") {
    auto uploaded = sample_audit("/api/systems/backups");
    uploaded.system = "s1";
    REQUIRE(session.amend({jobs::keep_audit{uploaded}}));
    auto other = uploaded;
    other.system = "s2";
    REQUIRE(session.amend({jobs::keep_audit{other}}));
    const auto found = reading->list_audit({.system = "s1"}, 0, 10);
    REQUIRE(found->items.size() == 1);
    CHECK(found->items.front().system == "s1");
    CHECK(reading->list_audit({.principal = "token:1", .system = "s2"}, 0, 10)
              ->items.size()
          == 1);
    CHECK(reading->list_audit({.principal = "node", .system = "s2"}, 0, 10)
              ->items.empty());
    CHECK(reading->list_audit({.server = "x", .system = "s1"}, 0, 10)
              ->items.empty());
  }
  SECTION("a long path is cut") {
    REQUIRE(session.amend(
        {jobs::keep_audit{sample_audit("/" + std::string(5'000, 'a'))}}));
    CHECK(reading->list_audit({}, 0, 1)->items.front().path.size() == 1'000);
  }
}

} // namespace alula::contracts
