#include "http/jwt.hpp"
#include "tests/http/token_maker.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

namespace {

const std::string key =
    "a-node-token-of-sixty-four-characters-as-a-panel-makes-"
    "them-012345";

bool is_refused(const std::string& token) {
  const auto read = read_token(token, key);
  if (read)
    return false;
  CHECK(read.error().code == jobs::fault_code::unauthorized);
  CHECK_FALSE(read.error().what.empty());
  return true;
}

token_claims issued(jobs::time_ms at, std::string jti = "a") {
  token_claims claims;
  claims.jti = std::move(jti);
  claims.issued_at = at;
  return claims;
}

} // namespace

TEST_CASE("a token's claims are read", "[http]") {
  const auto token = sign({{"iss", "https://panel.example"},
                           {"aud", {"https://node.example"}},
                           {"jti", "5f4dcc3b5aa765d61d8327deb882cf99"},
                           {"iat", 1'700'000'000},
                           {"nbf", 1'699'999'700},
                           {"exp", 1'700'000'600.25},
                           {"user_uuid", "u"},
                           {"server_uuid", "s"},
                           {"permissions", {"websocket.connect", "*"}},
                           {"backup_uuid", "b"},
                           {"unique_id", "x"}},
                          key);
  const auto claims = read_token(token, key);
  REQUIRE(claims);
  CHECK(claims->jti == "5f4dcc3b5aa765d61d8327deb882cf99");
  CHECK(claims->user_uuid == "u");
  CHECK(claims->server_uuid == "s");
  CHECK(claims->backup_uuid == "b");
  CHECK(claims->unique_id == "x");
  CHECK(claims->permissions
        == std::vector<std::string>{"websocket.connect", "*"});
  CHECK(claims->issued_at == 1'700'000'000'000);
  CHECK(claims->not_before == 1'699'999'700'000);
  CHECK(claims->expires_at == 1'700'000'600'250);
}

TEST_CASE("the example of RFC 7515, A.1 is read", "[http]") {
  const unsigned char bytes[] = {
      0x03, 0x23, 0x35, 0x4b, 0x2b, 0x0f, 0xa5, 0xbc, 0x83, 0x7e, 0x06,
      0x65, 0x77, 0x7b, 0xa6, 0x8f, 0x5a, 0xb3, 0x28, 0xe6, 0xf0, 0x54,
      0xc9, 0x28, 0xa9, 0x0f, 0x84, 0xb2, 0xd2, 0x50, 0x2e, 0xbf, 0xd3,
      0xfb, 0x5a, 0x92, 0xd2, 0x06, 0x47, 0xef, 0x96, 0x8a, 0xb4, 0xc3,
      0x77, 0x62, 0x3d, 0x22, 0x3d, 0x2e, 0x21, 0x72, 0x05, 0x2e, 0x4f,
      0x08, 0xc0, 0xcd, 0x9a, 0xf5, 0x67, 0xd0, 0x80, 0xa3};
  const auto claims = read_token(
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
      "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
      "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
      {reinterpret_cast<const char*>(bytes), sizeof bytes});
  REQUIRE(claims);
  CHECK(claims->expires_at == 1'300'819'380'000);
}

TEST_CASE("absent and null claims are empty", "[http]") {
  const auto claims = read_token(
      sign({{"jti", nullptr}, {"exp", nullptr}, {"permissions", nullptr}}, key),
      key);
  REQUIRE(claims);
  CHECK(claims->jti.empty());
  CHECK(claims->expires_at == 0);
  CHECK(claims->permissions.empty());
}

TEST_CASE("a token that is not exactly ours is refused", "[http]") {
  const std::string head = R"({"typ":"JWT","alg":"HS256"})";
  const auto good = sign({{"jti", "a"}}, key);
  REQUIRE(read_token(good, key));

  SECTION("no token at all") {
    CHECK(is_refused(""));
    CHECK(is_refused("."));
    CHECK(is_refused(".."));
    CHECK(is_refused("..."));
  }
  SECTION("two or four parts") {
    CHECK(is_refused(good.substr(0, good.rfind('.'))));
    CHECK(is_refused(good + ".x"));
    CHECK(is_refused("x." + good));
  }
  SECTION("another key") {
    CHECK(is_refused(sign({{"jti", "a"}}, "another key")));
  }
  SECTION("no key on this node, whatever signed it") {
    CHECK_FALSE(read_token(sign({{"jti", "a"}}, ""), ""));
    CHECK_FALSE(read_token(good, ""));
  }
  SECTION("one changed character of the signature") {
    for (auto at = good.rfind('.') + 1; at < good.size(); ++at) {
      auto token = good;
      token[at] = token[at] == 'A' ? 'B' : 'A';
      CHECK(is_refused(token));
    }
  }
  SECTION("a shorter, a longer, no signature") {
    CHECK(is_refused(good.substr(0, good.size() - 1)));
    CHECK(is_refused(good.substr(0, good.size() - 4)));
    CHECK(is_refused(good + "AAAA"));
    CHECK(is_refused(good.substr(0, good.rfind('.') + 1)));
  }
  SECTION("padding or foreign characters") {
    CHECK(is_refused(good + "="));
    CHECK(is_refused(good + " "));
    CHECK(is_refused(good + "\n"));
  }
  SECTION("spare bits that are not zero") {
    // 32 bytes leave two bits of the last digit unused.
    static const std::string digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    auto token = good;
    token.back() = digits[digits.find(token.back()) + 1];
    CHECK(is_refused(token));
  }
  SECTION("another algorithm, although the signature holds") {
    CHECK(is_refused(sign_parts(R"({"alg":"none"})", "{}", key)));
    CHECK(is_refused(sign_parts(R"({"alg":"HS512"})", "{}", key)));
    CHECK(is_refused(sign_parts(R"({"alg":"hs256"})", "{}", key)));
    CHECK(is_refused(sign_parts(R"({"alg":256})", "{}", key)));
    CHECK(is_refused(sign_parts(R"({"typ":"JWT"})", "{}", key)));
    CHECK(
        is_refused(sign_parts(R"({"alg":"HS256","crit":["exp"]})", "{}", key)));
  }
  SECTION("a header or claims that are no JSON object") {
    CHECK(is_refused(sign_parts("", "{}", key)));
    CHECK(is_refused(sign_parts("[]", "{}", key)));
    CHECK(is_refused(sign_parts("{", "{}", key)));
    CHECK(is_refused(sign_parts(head, "", key)));
    CHECK(is_refused(sign_parts(head, "[]", key)));
    CHECK(is_refused(sign_parts(head, R"({"exp":1)", key)));
    CHECK(is_refused(sign_parts(head, std::string(20'000, '['), key)));
  }
  SECTION("a claim of a wrong type") {
    CHECK(is_refused(sign({{"exp", "1700000000"}}, key)));
    CHECK(is_refused(sign({{"iat", true}}, key)));
    CHECK(is_refused(sign({{"nbf", {1}}}, key)));
    CHECK(is_refused(sign({{"jti", 1}}, key)));
    CHECK(is_refused(sign({{"server_uuid", {"a"}}}, key)));
    CHECK(is_refused(sign({{"permissions", "*"}}, key)));
    CHECK(is_refused(sign({{"permissions", {"*", 1}}}, key)));
  }
}

TEST_CASE("absurd times stay in range", "[http]") {
  const auto claims = read_token(
      sign_parts(R"({"alg":"HS256"})",
                 R"({"exp":1e300,"iat":-1e300,"nbf":18446744073709551615})",
                 key),
      key);
  REQUIRE(claims);
  CHECK_FALSE(is_expired(*claims, 1'700'000'000'000));
  CHECK(claims->issued_at < 0);
  CHECK(is_early(*claims, 1'700'000'000'000));
}

TEST_CASE("a token lives through the whole second of its end", "[http]") {
  token_claims claims;
  CHECK(is_expired(claims, 1'000));
  claims.expires_at = 100'000;
  CHECK_FALSE(is_expired(claims, 99'999));
  CHECK_FALSE(is_expired(claims, 100'999));
  CHECK(is_expired(claims, 101'000));
  claims.expires_at = 100'250;
  CHECK_FALSE(is_expired(claims, 100'999));
  CHECK(is_expired(claims, 101'000));
}

TEST_CASE("a token of the future has a minute of leeway", "[http]") {
  token_claims claims;
  CHECK_FALSE(is_early(claims, 1'000));
  claims.not_before = 200'000;
  CHECK_FALSE(is_early(claims, 140'000));
  CHECK(is_early(claims, 139'999));
}

TEST_CASE("a star permits all but admin names", "[http]") {
  token_claims claims;
  CHECK_FALSE(has_permission(claims, "websocket.connect"));
  claims.permissions = {"*"};
  CHECK(has_permission(claims, "websocket.connect"));
  CHECK(has_permission(claims, "control.console"));
  CHECK_FALSE(has_permission(claims, "admin.websocket.errors"));
  claims.permissions = {"*", "admin.websocket.errors"};
  CHECK(has_permission(claims, "admin.websocket.errors"));
  CHECK_FALSE(has_permission(claims, "admin.websocket.install"));
  claims.permissions = {"control.start"};
  CHECK_FALSE(has_permission(claims, "control.stop"));
  CHECK_FALSE(has_permission(claims, "control.star"));
}

TEST_CASE("tokens from before the start are denied", "[http]") {
  const deny_list denied{1'000'500};
  CHECK(denied.is_denied(issued(0), 1'002'000));
  CHECK(denied.is_denied(issued(999'000), 1'002'000));
  // Rounded down to the second of the start.
  CHECK(denied.is_denied(issued(1'000'000), 1'002'000));
  CHECK_FALSE(denied.is_denied(issued(1'001'000), 1'002'000));
}

TEST_CASE("a denied name ends what was issued before, not after", "[http]") {
  deny_list denied{0};
  denied.deny("a", 50'500);
  CHECK(denied.is_denied(issued(49'000), 60'000));
  CHECK(denied.is_denied(issued(50'000), 60'000));
  CHECK_FALSE(denied.is_denied(issued(51'000), 60'000));
  CHECK_FALSE(denied.is_denied(issued(49'000, "b"), 60'000));

  denied.deny("a", 70'500);
  CHECK(denied.is_denied(issued(51'000), 80'000));
  CHECK(denied.size() == 1);
}

TEST_CASE("the deny list is bounded by age", "[http]") {
  deny_list denied{0, 1h};
  denied.deny("a", 1'000);
  denied.deny("b", 3'600'000);
  CHECK(denied.size() == 2);
  denied.deny("a", 3'601'000);
  CHECK(denied.size() == 2);
  denied.deny("c", 3'601'001);
  CHECK(denied.size() == 3);
  denied.deny("c", 7'201'000);
  CHECK(denied.size() == 2);
  // What is forgotten by name is denied by age.
  CHECK(denied.is_denied(issued(1'000), 7'201'000));
  CHECK(denied.is_denied(issued(3'600'000, "b"), 7'201'000));
  CHECK_FALSE(denied.is_denied(issued(3'601'001, "b"), 7'201'001));
  CHECK(denied.is_denied(issued(3'601'000, "a"), 7'201'000));
}

TEST_CASE("the deny list is bounded by number", "[http]") {
  deny_list denied{0, 1h, 3};
  for (int i = 1; i <= 5; ++i)
    denied.deny(std::to_string(i), i * 1'000);
  CHECK(denied.size() == 3);
  // 1 and 2 made room: everything up to 2,000 is denied, nobody slips out.
  CHECK(denied.is_denied(issued(1'000, "1"), 6'000));
  CHECK(denied.is_denied(issued(2'000, "2"), 6'000));
  CHECK(denied.is_denied(issued(2'000, "other"), 6'000));
  CHECK_FALSE(denied.is_denied(issued(2'001, "other"), 6'000));
  CHECK(denied.is_denied(issued(3'000, "3"), 6'000));
}
