#include "http/auth.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

using namespace alula;
using http::authenticator;
using http::credential;

namespace {

bool admits(const authenticator& auth,
            std::optional<std::string_view> authorization) {
  const auto found = auth.identify(authorization);
  return found.who != nullptr && found.proof == credential::good;
}

jobs::principal_ptr somebody(std::string id) {
  jobs::principal who;
  who.id = std::move(id);
  return std::make_shared<const jobs::principal>(std::move(who));
}

/// Knows the token "guest" and the appliance key:secret.
authenticator with_guests() {
  return authenticator{
      "secret",
      {.bearer = [](std::string_view token) -> jobs::principal_ptr {
         return token == "guest" ? somebody("token:1") : nullptr;
       },
       .basic = [](std::string_view user,
                   std::string_view password) -> jobs::principal_ptr {
         return user == "key" && password == "se:cret" ? somebody("appliance:1")
                                                       : nullptr;
       }}};
}

} // namespace

TEST_CASE("only the token itself is admitted", "[http]") {
  const authenticator auth{"secret"};
  CHECK(admits(auth, "Bearer secret"));
  CHECK(admits(auth, "bearer secret"));
  CHECK_FALSE(admits(auth, std::nullopt));
  CHECK_FALSE(admits(auth, ""));
  CHECK_FALSE(admits(auth, "Bearer"));
  CHECK_FALSE(admits(auth, "Bearer "));
  CHECK_FALSE(admits(auth, "secret"));
  CHECK_FALSE(admits(auth, "Basic secret"));
  CHECK_FALSE(admits(auth, "Bearer  secret"));
  CHECK_FALSE(admits(auth, "Bearer secret "));
  CHECK_FALSE(admits(auth, "Bearer Secret"));
  CHECK_FALSE(admits(auth, "Bearer secre"));
  CHECK_FALSE(admits(auth, "Bearer secrets"));
}

TEST_CASE("an empty token admits nobody", "[http]") {
  const authenticator auth{""};
  CHECK_FALSE(admits(auth, "Bearer "));
  CHECK_FALSE(admits(auth, "Bearer"));
}

TEST_CASE("a replaced token counts at once and the old one no more", "[http]") {
  authenticator auth{"old"};
  auth.replace("new");
  CHECK(admits(auth, "Bearer new"));
  CHECK_FALSE(admits(auth, "Bearer old"));
}

TEST_CASE("whoever has the node's token is the Panel", "[http]") {
  const auto found = authenticator{"secret"}.identify("Bearer secret");
  REQUIRE(found.who);
  CHECK(found.who->id == "node");
  CHECK(found.who->kind == jobs::principal_kind::panel);
}

TEST_CASE("other bearers are looked up", "[http]") {
  const auto auth = with_guests();
  const auto found = auth.identify("Bearer guest");
  REQUIRE(found.who);
  CHECK(found.who->id == "token:1");
  CHECK(auth.identify("Bearer stranger").proof == credential::unknown);
}

TEST_CASE("a Basic credential is split at its first colon", "[http]") {
  const auto auth = with_guests();
  const auto found = auth.identify("Basic a2V5OnNlOmNyZXQ="); // key:se:cret
  REQUIRE(found.who);
  CHECK(found.who->id == "appliance:1");
}

TEST_CASE("a refused credential says what is wrong with it", "[http]") {
  const auto auth = with_guests();
  CHECK(auth.identify(std::nullopt).proof == credential::missing);
  CHECK(auth.identify("Digest x").proof == credential::other_scheme);
  CHECK(auth.identify("Bearer ").proof == credential::empty);
  CHECK(auth.identify("Basic !!!!").proof == credential::undecodable);
  CHECK(auth.identify("Basic a2V5OnN").proof == credential::undecodable);
  CHECK(auth.identify("Basic a2V5").proof == credential::unsplittable);
  CHECK(auth.identify("Basic a2V5Og==").proof == credential::unknown);
}
