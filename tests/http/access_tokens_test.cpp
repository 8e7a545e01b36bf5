// Tokens at the door: whose they are, who makes them, and what their use leaves
// behind.
#include "http/sha256.hpp"
#include "tests/http/guarded_world.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;
using jobs::access_role;

TEST_CASE("a node that does not know its tokens yet sends nobody away",
          "[http]") {
  guarded_world w;
  auto asked = w.settings();
  asked.gate = [](const request&) -> std::optional<jobs::fault> {
    return jobs::fault{.code = fault_code::starting, .what = "starting"};
  };
  std::vector<route> routes;
  routes.push_back({"GET", "/api/x", jobs::permission::read_servers,
                    guarded_world::nothing});
  door starting{asked, std::move(routes)};
  const auto status = [&](header_list headers) {
    auto req = doubles::make_request("GET", "/api/x", {}, std::move(headers));
    req.who = nullptr;
    auto call = std::make_shared<doubles::fake_exchange>(std::move(req));
    starting.enter(call->incomplete(), call, false);
    return call->wait_for_answer()->status;
  };
  CHECK(status({{"Authorization", "Bearer alula_unread"}}) == 503);
  CHECK(status({}) == 401);
}

TEST_CASE("a revoked or expired token is nobody's", "[http]") {
  guarded_world w;
  const auto late =
      w.add(access_role::viewer, {.everything = true}, w.clock.now() + 1'000);
  CHECK(w.status(late, "GET", "/api/system") == 200);
  w.clock.advance(std::chrono::milliseconds{1'000});
  CHECK(w.status(late, "GET", "/api/system") == 401);
  const auto gone = w.add(access_role::viewer);
  CHECK(w.status(gone, "GET", "/api/system") == 200);
  CHECK(
      w.status("the-node-token", "DELETE", "/api/tokens/" + gone.substr(6, 20))
      == 204);
  CHECK(w.status(gone, "GET", "/api/system") == 401);
}

TEST_CASE("a secret with one digit changed is nobody's", "[http]") {
  guarded_world w;
  auto secret = w.add(access_role::viewer);
  secret.back() = secret.back() == '0' ? '1' : '0';
  CHECK(w.status(secret, "GET", "/api/system") == 401);
}

TEST_CASE("a token is made once and shown once", "[http]") {
  guarded_world w;
  const auto call = w.send("Bearer the-node-token", "POST", "/api/tokens",
                           R"({"name":"Nagios","role":"viewer"})");
  const auto made = json::parse(call->wait_for_answer()->body);
  const auto secret = made.at("secret").get<std::string>();
  CHECK(w.status(secret, "GET", "/api/servers") == 200);
  const auto list =
      w.send("Bearer the-node-token", "GET", "/api/tokens")->wait_for_answer();
  CHECK(list->body.find(secret) == std::string::npos);
  CHECK(list->body.find(to_hex(sha256(secret))) == std::string::npos);
  CHECK(list->body.find(made.at("id").get<std::string>()) != std::string::npos);
}

TEST_CASE("nobody makes a token that may more than its maker", "[http]") {
  guarded_world w;
  const auto make = [&](jobs::permission_set held, std::string body) {
    w.issue(held);
    return w.status("of an issuer", "POST", "/api/tokens", std::move(body));
  };
  using enum jobs::permission;
  const auto viewer = R"({"name":"v","role":"viewer"})";
  CHECK(make({known, manage_access}, viewer) == 403);
  CHECK(make({known, manage_access, read_servers, read_systems, read_node},
             viewer)
        == 201);
  CHECK(make({known, manage_access, read_servers, read_systems, read_node},
             R"({"name":"a","role":"admin"})")
        == 403);
  CHECK(make({known, manage_access, read_systems}, R"({"appliance":"edge-7"})")
        == 403);
  CHECK(make({known, manage_access, read_systems, manage_systems},
             R"({"appliance":"edge-7"})")
        == 201);
}

TEST_CASE("a token makes none that outlives it", "[http]") {
  guarded_world w;
  const auto lasting = w.add(access_role::admin);
  const auto brief = w.add(access_role::admin, jobs::object_scope::all(),
                           w.clock.now() + 60'000);
  CHECK(
      w.status(brief, "POST", "/api/tokens", R"({"name":"v","role":"viewer"})")
      == 403);
  CHECK(w.status(brief, "POST", "/api/tokens",
                 R"({"name":"v","role":"viewer","expires_in":61})")
        == 403);
  CHECK(w.status(brief, "POST", "/api/tokens",
                 R"({"name":"v","role":"viewer","expires_in":60})")
        == 201);
  CHECK(w.status(lasting, "POST", "/api/tokens",
                 R"({"name":"v","role":"viewer"})")
        == 201);
}

TEST_CASE("tokens that are over take no place of others", "[http]") {
  guarded_world w;
  for (int i = 0; i < 1'000; ++i)
    w.add(access_role::viewer, {.everything = true}, w.clock.now() + 1'000);
  const auto make = [&] {
    return w.status("the-node-token", "POST", "/api/tokens",
                    R"({"name":"v","role":"viewer"})");
  };
  CHECK(make() == 429);
  w.clock.advance(std::chrono::milliseconds{1'000});
  CHECK(make() == 201);
}

TEST_CASE("a token that makes no sense is refused by its fields", "[http]") {
  guarded_world w;
  for (const auto* body :
       {"{}", R"({"name":"x","role":"root"})",
        R"({"name":"x","role":"viewer","servers":["nonsense"]})",
        R"({"name":"x","role":"viewer","organisations":["acme/"]})",
        R"({"name":"x","role":"viewer","expires_in":0})",
        R"({"appliance":"a","role":"admin"})", R"({"appliance":"a:b"})",
        R"({"appliance":"a","systems":["s1","s2"]})"})
    CHECK(w.status("the-node-token", "POST", "/api/tokens", body) == 422);
}

TEST_CASE("a token that was to be narrow never reaches everything", "[http]") {
  guarded_world w;
  for (const auto* body :
       {R"({"name":"x","role":"viewer","servers":[]})",
        R"({"name":"x","role":"viewer","scope":{"systems":["s1"]}})",
        R"({"name":"x","role":"viewer","organizations":["acme"]})",
        R"({"name":"x","role":"viewer"}{"servers":[]})"})
    CHECK(w.status("the-node-token", "POST", "/api/tokens", body) == 422);
}

TEST_CASE("an appliance comes in by nothing but its own routes", "[http]") {
  guarded_world w;
  const auto made = w.send("Bearer the-node-token", "POST", "/api/tokens",
                           R"({"appliance":"NETH-1","systems":["s1"]})")
                        ->wait_for_answer();
  const auto secret = json::parse(made->body).at("secret").get<std::string>();
  const auto who = w.book.by_password("NETH-1", secret);
  REQUIRE(who);
  CHECK(who->kind == jobs::principal_kind::appliance);
  CHECK(who->scope.systems == std::vector<std::string>{"s1"});
  CHECK_FALSE(w.book.by_password("NETH-2", secret));
  CHECK_FALSE(w.book.by_token(secret));
}

TEST_CASE("every change has a row in the audit and reading has none",
          "[http]") {
  guarded_world w;
  const auto secret = w.add(access_role::viewer);
  w.status(secret, "GET", "/api/servers");
  w.status(secret, "PUT", "/api/log", R"({"level":"debug"})"); // 403
  CHECK(w.access.audit.empty());
  w.status("the-node-token", "PUT", "/api/log", R"({"level":"debug"})");
  REQUIRE(w.access.audit.size() == 1);
  const auto& row = w.access.audit.front();
  CHECK(row.principal == "node");
  CHECK(row.method == "PUT");
  CHECK(row.path == "/api/log");
  CHECK(row.status == 200);
  CHECK_FALSE(row.request_id.empty());
}

TEST_CASE("the use of a token is written once a minute", "[http]") {
  guarded_world w;
  const auto secret = w.add(access_role::viewer);
  for (int i = 0; i < 3; ++i)
    w.status(secret, "GET", "/api/system");
  CHECK(w.access.uses.size() == 1);
  w.clock.advance(std::chrono::milliseconds{60'000});
  w.status(secret, "GET", "/api/system");
  CHECK(w.access.uses.size() == 2);
}
