#include "http/access_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

TEST_CASE("a token is made, listed and revoked, and each change audited",
          "[http]") {
  api_world world;
  const auto made =
      world.ask("POST", "/api/tokens", R"({"name":"Nagios","role":"viewer"})");
  REQUIRE(made.status == 201);
  const auto id = json::parse(made.body).at("id").get<std::string>();
  const auto listed = json::parse(world.ask("GET", "/api/tokens").body);
  REQUIRE(listed.at("items").size() == 1);
  CHECK(listed.at("items")[0].at("id") == id);
  CHECK_FALSE(listed.at("items")[0].contains("secret"));
  CHECK(world.ask("DELETE", "/api/tokens/" + id).status == 204);
  CHECK_FALSE(json::parse(world.ask("GET", "/api/tokens").body)
                  .at("items")[0]
                  .at("revoked_at")
                  .is_null());
  const auto nobody = world.ask("DELETE", "/api/tokens/" + id.substr(1) + "0");
  CHECK(code_of(nobody) == "token-not-found");
  const auto audit = json::parse(world.ask("GET", "/api/audit").body);
  REQUIRE(audit.at("items").size() == 3); // what was refused, too
  CHECK(audit.at("items")[2].at("path") == "/api/tokens");
  CHECK(audit.at("items")[1].at("status") == 204);
}

TEST_CASE("the audit is narrowed by what it is asked for", "[http]") {
  api_world world;
  REQUIRE(world.ask("GET", "/api/audit?system=s1&server=x").status == 200);
  CHECK(world.access.audit_asked.system == "s1");
  CHECK(world.access.audit_asked.server == "x");
  CHECK(world.access.audit_asked.principal.empty());
  CHECK(world.ask("GET", "/api/audit?sytem=s1").status == 400);
}

TEST_CASE("whoever asks learns who they are and what they may", "[http]") {
  api_world world;
  const auto self = json::parse(world.ask("GET", "/api/tokens/self").body);
  CHECK(self.at("id") == "node");
  CHECK(self.at("permissions").size() + 1 == jobs::permission_count);
}
