#include "http/socket_hub.hpp"
#include "tests/http/socket_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

namespace {

constexpr const char* expired = "jwt error jwt: exp claim is invalid";
constexpr const char* denied =
    "jwt error jwt: created too far in past (denylist)";

} // namespace

// -- the token's end ---------------------------------------------------------

TEST_CASE("a token's end is announced, then told once", "[http]") {
  socket_world world;
  auto claims = world.claims(server_a);
  claims["exp"] = world.clock.now() / 1'000 + 100;
  const auto socket = world.join(server_a, claims);
  world.pass(30s); // 70 s left
  CHECK(world.heard(*socket).empty());
  world.pass(30s); // 40 s left
  CHECK(world.heard(*socket) == lines{"token expiring"});
  socket->pong();
  world.pass(30s); // 10 s left
  CHECK(world.heard(*socket) == lines{"token expiring"});
  world.pass(30s); // 20 s ago
  CHECK(world.heard(*socket) == lines{"token expired"});
  socket->pong();
  world.pass(30s);
  CHECK(world.heard(*socket).empty());

  SECTION("nothing more is delivered, and that is said once") {
    world.hub.announce(server_a, "status", {"running"});
    world.hub.announce(server_a, "status", {"stopping"});
    CHECK(world.heard(*socket) == lines{expired});
    socket_world::say(*socket, "send stats", {nullptr});
    socket_world::say(*socket, "send stats", {nullptr});
    CHECK(world.heard(*socket) == lines{expired, expired});
  }
  SECTION("a new token makes it whole") {
    world.authenticate(*socket, world.claims(server_a));
    CHECK(world.heard(*socket) == lines{"auth success"});
    world.hub.announce(server_a, "status", {"running"});
    CHECK(world.heard(*socket) == lines{"status running"});
  }
  SECTION("without one the connection ends ten minutes later") {
    for (int i = 0; i < 18; ++i) {
      socket->pong();
      world.pass(30s);
    }
    CHECK(socket->is_open());
    world.pass(30s);
    CHECK(socket->close_code() == 1008);
  }
}

TEST_CASE("at sixty seconds a token is expiring", "[http]") {
  socket_world world;
  auto claims = world.claims(server_a);
  SECTION("at sixty it is") {
    claims["exp"] = world.clock.now() / 1'000 + 90;
    const auto socket = world.join(server_a, claims);
    world.pass(30s);
    CHECK(world.heard(*socket) == lines{"token expiring"});
  }
  SECTION("before it is not") {
    claims["exp"] = world.clock.now() / 1'000 + 91;
    const auto socket = world.join(server_a, claims);
    world.pass(30s);
    CHECK(world.heard(*socket).empty());
  }
}

// -- denial ------------------------------------------------------------------

TEST_CASE("denied tokens are told at once and closed later", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  auto claims = world.claims(server_b);
  claims["jti"] = "jti-2";
  const auto other = world.join(server_b, claims);
  world.pass(5s);
  deny(world, R"({"jtis":["jti-1","nobody"]})");
  CHECK(world.heard(*socket) == lines{denied});
  CHECK(world.heard(*other).empty());

  SECTION("events are held back without another word") {
    world.hub.announce(server_a, "status", {"running"});
    CHECK(world.heard(*socket).empty());
    socket_world::say(*socket, "send stats", {nullptr});
    CHECK(world.heard(*socket) == lines{denied});
  }
  SECTION("the same token does not come back, a newer one does") {
    auto old = world.claims(server_a);
    old["iat"] = world.clock.now() / 1'000 - 5;
    world.authenticate(*socket, old);
    CHECK(world.heard(*socket)
          == lines{"jwt error Error Event []: jwt: created too far in past "
                   "(denylist)"});
    world.pass(1s);
    world.authenticate(*socket, world.claims(server_a));
    CHECK(world.heard(*socket) == lines{"auth success"});
    world.pass(29s);
    CHECK(socket->is_open());
  }
  SECTION("thirty seconds later it is closed, however often it is denied") {
    world.pass(20s);
    deny(world, R"({"jtis":["jti-1"]})");
    CHECK(world.heard(*socket).empty());
    world.pass(10s);
    CHECK(socket->close_code() == 1008);
    CHECK(other->is_open());
  }
}

TEST_CASE("a Panel's clock that is ahead does not outrun a denial", "[http]") {
  socket_world world;
  auto claims = world.claims(server_a);
  claims["iat"] = world.clock.now() / 1'000 + 60;
  const auto socket = world.join(server_a, claims);
  world.pass(5s);
  deny(world, R"({"jtis":["jti-1"]})");
  CHECK(world.heard(*socket) == lines{denied});
}

TEST_CASE("a deny request is read as Wings reads it", "[http]") {
  socket_world world;
  deny(world, R"({"jtis":[]})");
  deny(world, "{}");
  deny(world, R"({"jtis":null})");
  deny(world, "", 400);
  deny(world, "{", 400);
  deny(world, R"({"jtis":"a"})", 422);
  deny(world, R"({"jtis":[1]})", 422);

  auto req = doubles::make_request("POST", "/", R"({"jtis":["a"]})");
  req.params.emplace_back("server", "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
  auto asked = std::make_shared<fake_exchange>(std::move(req));
  make_deny_handler(world.hub, world.engine)(asked);
  CHECK(status_of(asked) == 404);
}

TEST_CASE("a token that ends twice is told twice", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  for (int i = 0; i < 2; ++i) {
    world.pass(1s);
    deny(world, R"({"jtis":["jti-1"]})");
    CHECK(world.heard(*socket) == lines{denied});
    world.pass(1s);
    world.authenticate(*socket, world.claims(server_a));
    CHECK(world.heard(*socket) == lines{"auth success"});
  }
}
