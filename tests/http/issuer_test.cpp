#include "http/issuer.hpp"
#include "http/sha256.hpp"
#include "tests/doubles/fake_clock.hpp"
#include "tests/http/rsa_pair.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;
using nlohmann::json;

namespace {

const std::string secret(32, 's');

struct issuer_world {
  explicit issuer_world(std::string hmac_key = secret)
    : subject(issuer::make({"https://id.example", "alula",
                            std::chrono::seconds{60}, std::move(hmac_key)},
                           clock)
                  .value()) {}

  json claims() const {
    return {
        {"iss", "https://id.example"},      {"aud", "alula"},   {"sub", "42"},
        {"exp", clock.now() / 1'000 + 300}, {"role", "viewer"}, {"all", true}};
  }
  static std::string content(const json& head, const json& body) {
    return base64url(head.dump()) + '.' + base64url(body.dump());
  }
  static std::string hs256(const json& body, const std::string& key = secret,
                           json head = {{"alg", "HS256"}}) {
    const auto text = content(head, body);
    return text + '.' + base64url(hmac_sha256(key, text));
  }
  static std::string rs256(const json& body, const rsa_pair& by,
                           json head = {{"alg", "RS256"}, {"kid", "k1"}}) {
    const auto text = content(head, body);
    return text + '.' + base64url(by.sign(text));
  }
  static std::string set_of(std::vector<json> keys) {
    return json{{"keys", std::move(keys)}}.dump();
  }

  doubles::fake_clock clock;
  std::shared_ptr<issuer> subject;
};

} // namespace

TEST_CASE("a token signed with the secret is let in as its claims say",
          "[http]") {
  issuer_world w;
  const auto who = w.subject->find(w.hs256(w.claims()));
  REQUIRE(who);
  CHECK(who->id == "jwt:42");
  CHECK(who->kind == jobs::principal_kind::jwt);
  CHECK(who->role == jobs::access_role::viewer);
  CHECK(who->scope.everything);
}

TEST_CASE("a token signed with a key of the set is let in", "[http]") {
  issuer_world w{""};
  const rsa_pair key, other;
  REQUIRE(w.subject->take_keys(w.set_of({other.jwk("k0"), key.jwk()})));
  CHECK(w.subject->find(w.rs256(w.claims(), key)));
  CHECK(w.subject->find(w.rs256(w.claims(), key, {{"alg", "RS256"}})));
  CHECK_FALSE(w.subject->find(w.rs256(w.claims(), other)));
  SECTION("until the key is no longer in the set") {
    REQUIRE(w.subject->take_keys(w.set_of({other.jwk("k0")})));
    CHECK_FALSE(w.subject->find(w.rs256(w.claims(), key)));
  }
  SECTION("also after a set that cannot be read") {
    CHECK_FALSE(w.subject->take_keys("<html>"));
    CHECK_FALSE(w.subject->take_keys(R"({"keys":[]})"));
    CHECK(w.subject->find(w.rs256(w.claims(), key)));
  }
}

TEST_CASE("the algorithm of a token cannot be chosen by who brings it",
          "[http]") {
  issuer_world w{""};
  const rsa_pair key;
  REQUIRE(w.subject->take_keys(w.set_of({key.jwk()})));
  const auto text = w.content({{"alg", "none"}}, w.claims());
  CHECK_FALSE(w.subject->find(text + '.'));
  CHECK_FALSE(w.subject->find(w.rs256(w.claims(), key, {{"alg", "none"}})));
  CHECK_FALSE(w.subject->find(w.rs256(w.claims(), key, {{"alg", "rs256"}})));
  CHECK_FALSE(w.subject->find(w.rs256(w.claims(), key, {{"alg", "RS512"}})));
  // The public key, which everybody has, as the key of an HMAC.
  for (const auto& guess :
       {key.jwk().dump(), key.part(OSSL_PKEY_PARAM_RSA_N), std::string{}})
    CHECK_FALSE(w.subject->find(w.hs256(w.claims(), guess)));
  CHECK_FALSE(w.subject->find(w.rs256(
      w.claims(), key, {{"alg", "RS256"}, {"crit", json::array({"x"})}})));
}

TEST_CASE("weak keys and keys for something else are left out", "[http]") {
  issuer_world w{""};
  const rsa_pair weak{1'024}, key;
  CHECK_FALSE(w.subject->take_keys(w.set_of({weak.jwk()})));
  auto for_secrecy = key.jwk();
  for_secrecy["use"] = "enc";
  CHECK_FALSE(w.subject->take_keys(w.set_of({for_secrecy})));
  CHECK_FALSE(w.subject->take_keys(
      w.set_of({{{"kty", "oct"}, {"k", base64url("short")}}})));
  CHECK_FALSE(issuer::make({"i", "a", {}, "short"}, w.clock));
  CHECK_FALSE(issuer::make({"", "a", {}, secret}, w.clock));
  CHECK_FALSE(issuer::make({"i", "", {}, secret}, w.clock));
}

TEST_CASE("a token counts between its times give or take the leeway",
          "[http]") {
  issuer_world w;
  auto claims = w.claims();
  const auto now = w.clock.now() / 1'000;
  const auto is_good = [&] {
    return w.subject->find(w.hs256(claims)) != nullptr;
  };
  claims["exp"] = now - 59;
  CHECK(is_good());
  claims["exp"] = now - 61;
  CHECK_FALSE(is_good());
  claims.erase("exp");
  CHECK_FALSE(is_good());
  claims["exp"] = "tomorrow";
  CHECK_FALSE(is_good());
  claims["exp"] = now + 300;
  claims["nbf"] = now + 59;
  CHECK(is_good());
  claims["nbf"] = now + 61;
  CHECK_FALSE(is_good());
}

TEST_CASE("a token of another issuer or for another audience is nobody's",
          "[http]") {
  issuer_world w;
  const auto with = [&](const char* name, json value) {
    auto claims = w.claims();
    claims[name] = std::move(value);
    return w.subject->find(w.hs256(claims)) != nullptr;
  };
  CHECK_FALSE(with("iss", "https://id.example/"));
  CHECK_FALSE(with("iss", nullptr));
  CHECK_FALSE(with("aud", "other"));
  CHECK_FALSE(with("aud", json::array({"other"})));
  CHECK(with("aud", json::array({"other", "alula"})));
  CHECK_FALSE(with("sub", ""));
  CHECK_FALSE(with("token_type", "refresh"));
  CHECK_FALSE(with("token_type", "impersonation"));
  CHECK(with("token_type", "access"));
  CHECK(with("token_type", ""));
}

TEST_CASE("a token that gives nothing is somebody's who may nothing",
          "[http]") {
  issuer_world w;
  auto claims = w.claims();
  claims["role"] = "root";
  claims["user"] = {{"user_permissions", json::array()},
                    {"org_permissions", {"manage:resellers"}}};
  const auto who = w.subject->find(w.hs256(claims));
  REQUIRE(who);
  for (const auto one :
       {jobs::permission::known, jobs::permission::read_systems,
        jobs::permission::manage_systems})
    CHECK_FALSE(who->has(one));
}

TEST_CASE("permissions are taken one by one and an appliance's never",
          "[http]") {
  issuer_world w;
  auto claims = w.claims();
  claims.erase("role");
  claims.erase("all");
  claims["user"] = {{"user_permissions", {"read:systems", "deliver:backups"}},
                    {"org_permissions", {"manage:resellers"}},
                    {"organization_id", "acme"}};
  const auto who = w.subject->find(w.hs256(claims));
  REQUIRE(who);
  CHECK(who->has(jobs::permission::read_systems));
  CHECK_FALSE(who->has(jobs::permission::manage_systems));
  CHECK_FALSE(who->has(jobs::permission::deliver_backups));
  CHECK(who->scope.covers(jobs::access_object::of_system("s", "acme/shop")));
  CHECK_FALSE(who->scope.covers(jobs::access_object::of_system("s", "other")));
}

TEST_CASE("garbage is nobody's", "[http]") {
  issuer_world w;
  const auto good = w.hs256(w.claims());
  for (const auto& text :
       {std::string{}, std::string{"."}, std::string{".."},
        std::string{"a.b.c.d"}, good.substr(0, good.size() - 1), good + "A",
        good + ".", std::string(7'000, 'x'), std::string(20'000, '.')})
    CHECK_FALSE(w.subject->find(text));
}
