#include "http/auth.hpp"

#include <catch2/catch.hpp>

using alula::http::bearer_auth;

TEST_CASE("only the token itself is admitted", "[http]") {
  const bearer_auth auth{"secret"};
  CHECK(auth.admits("Bearer secret"));
  CHECK(auth.admits("bearer secret"));
  CHECK_FALSE(auth.admits(std::nullopt));
  CHECK_FALSE(auth.admits(""));
  CHECK_FALSE(auth.admits("Bearer"));
  CHECK_FALSE(auth.admits("Bearer "));
  CHECK_FALSE(auth.admits("secret"));
  CHECK_FALSE(auth.admits("Basic secret"));
  CHECK_FALSE(auth.admits("Bearer  secret"));
  CHECK_FALSE(auth.admits("Bearer secret "));
  CHECK_FALSE(auth.admits("Bearer Secret"));
  CHECK_FALSE(auth.admits("Bearer secre"));
  CHECK_FALSE(auth.admits("Bearer secrets"));
}

TEST_CASE("an empty token admits nobody", "[http]") {
  const bearer_auth auth{""};
  CHECK_FALSE(auth.admits("Bearer "));
  CHECK_FALSE(auth.admits("Bearer"));
}

TEST_CASE("a replaced token counts at once, the old one no more", "[http]") {
  bearer_auth auth{"old"};
  auth.replace("new");
  CHECK(auth.admits("Bearer new"));
  CHECK_FALSE(auth.admits("Bearer old"));
}
