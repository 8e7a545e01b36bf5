#include "http/socket_hub.hpp"
#include "tests/http/socket_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

namespace {

constexpr const char* unexplained =
    "daemon error Error Event []: An unexpected error happened while this "
    "message was handled.";

} // namespace

TEST_CASE("a good token is welcomed and told the status", "[http]") {
  socket_world world;
  SECTION("offline without a container") {}
  SECTION("offline with a stopped one") {
    world.engine.answer_running(false);
  }
  SECTION("running") {
    world.engine.answer_running(true);
  }
  const auto socket = world.open(server_a);
  world.authenticate(*socket, world.claims(server_a));
  const auto told = world.heard(*socket);
  REQUIRE(told.size() == 2);
  CHECK(told[0] == "auth success");
  CHECK(socket->sent()[0] == R"({"event":"auth success"})");
  const auto state = world.engine.inspect_now();
  const bool running = state && *state && (*state)->running;
  CHECK(told[1] == (running ? "status running" : "status offline"));
}

TEST_CASE("a renewal is only told its success", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  world.authenticate(*socket, world.claims(server_a));
  CHECK(world.heard(*socket) == lines{"auth success"});
}

TEST_CASE("a status that nobody knows is asked for again", "[http]") {
  socket_world world;
  world.engine.answer(
      jobs::fault{jobs::fault_code::docker_unavailable, "no answer"});
  const auto socket = world.open(server_a);
  world.authenticate(*socket, world.claims(server_a));
  CHECK(world.heard(*socket) == lines{"auth success"});
  world.pass(30s);
  CHECK(world.heard(*socket).empty());
  world.engine.answer_running(true);
  world.pass(30s);
  CHECK(world.heard(*socket) == lines{"status running"});
  world.pass(30s);
  CHECK(world.heard(*socket).empty());
}

TEST_CASE("a token that opens nothing is explained", "[http]") {
  socket_world world;
  const auto socket = world.open(server_a);
  auto claims = world.claims(server_a);
  std::string expected;
  SECTION("expired: the reason a Panel's page looks for") {
    claims["exp"] = world.clock.now() / 1'000 - 1;
    expected = "jwt: exp claim is invalid";
  }
  SECTION("without an end") {
    claims.erase("exp");
    expected = "jwt: exp claim is invalid";
  }
  SECTION("from before the start: the other one") {
    claims["iat"] = world.clock.now() / 1'000 - 1;
    expected = "jwt: created too far in past (denylist)";
  }
  SECTION("without a time of issue") {
    claims.erase("iat");
    expected = "jwt: created too far in past (denylist)";
  }
  SECTION("not valid yet") {
    claims["nbf"] = world.clock.now() / 1'000 + 100;
    expected = "jwt: the token is not valid yet";
  }
  SECTION("without the permission to connect") {
    claims["permissions"] = {"control.console"};
    expected = "jwt: the token lacks the permission websocket.connect";
  }
  SECTION("of another server") {
    claims["server_uuid"] = server_b.view();
    expected = "jwt: the token belongs to another server";
  }
  SECTION("of no server, as a download token") {
    claims.erase("server_uuid");
    expected = "jwt: the token belongs to another server";
  }
  world.authenticate(*socket, claims);
  CHECK(world.heard(*socket) == lines{"jwt error Error Event []: " + expected});
  world.hub.announce(server_a, "status", {"running"});
  CHECK(world.heard(*socket).empty());
  CHECK(socket->is_open());
}

TEST_CASE("a bad signature is a daemon error without its reason", "[http]") {
  socket_world world;
  const auto socket = world.open(server_a);
  socket_world::say(*socket, "auth", {sign(world.claims(server_a), "other")});
  CHECK(world.heard(*socket) == lines{unexplained});
  socket_world::say(*socket, "auth", {"garbage"});
  CHECK(world.heard(*socket) == lines{unexplained});
  socket_world::say(*socket, "auth", nlohmann::json::array());
  CHECK(world.heard(*socket) == lines{unexplained});
}

TEST_CASE("administrators are told the reason", "[http]") {
  socket_world world;
  const auto socket = world.join(
      server_a, world.claims(server_a, {"*", "admin.websocket.errors"}));
  socket_world::say(*socket, "auth", {"garbage"});
  CHECK(world.heard(*socket)
        == lines{"daemon error Error Event []: The token does not have three "
                 "parts."});
}

TEST_CASE("a failed renewal leaves the token that was good", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  socket_world::say(*socket, "auth", {"garbage"});
  world.heard(*socket);
  world.hub.announce(server_a, "status", {"running"});
  CHECK(world.heard(*socket) == lines{"status running"});
}

TEST_CASE("a changed node token counts for the next auth", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  world.hub.change_access({"new-token", socket_world::panel, {}});
  world.authenticate(*socket, world.claims(server_a));
  CHECK(world.heard(*socket) == lines{unexplained});
  socket_world::say(*socket, "auth",
                    {sign(world.claims(server_a), "new-token")});
  CHECK(world.heard(*socket) == lines{"auth success"});
}

TEST_CASE("failed authentications in a row end the connection", "[http]") {
  socket_world world;
  const auto socket = world.open(server_a);
  for (int i = 0; i < 4; ++i)
    socket_world::say(*socket, "auth", {"garbage"});
  CHECK(socket->is_open());
  socket_world::say(*socket, "auth", {"garbage"});
  CHECK(socket->close_code() == 1008);
  CHECK(socket->sent().size() == 5);
}

TEST_CASE("a success forgives failed authentications", "[http]") {
  socket_world world;
  const auto socket = world.open(server_a);
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 4; ++j)
      socket_world::say(*socket, "auth", {"garbage"});
    world.authenticate(*socket, world.claims(server_a));
  }
  CHECK(socket->is_open());
}

TEST_CASE("who does not authenticate in time is closed", "[http]") {
  socket_world world;
  const auto guest = world.open(server_a);
  const auto member = world.join(server_a);
  world.pass(29'999ms);
  CHECK(guest->is_open());
  world.pass(1ms);
  CHECK(guest->close_code() == 1008);
  CHECK_FALSE(guest->was_killed());
  CHECK(world.hub.count(server_a) == 1);
  world.pass(2s);
  CHECK(guest->was_killed());
  CHECK(member->is_open());
}
