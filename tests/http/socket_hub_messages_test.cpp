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

// -- from the client ---------------------------------------------------------

TEST_CASE("frames that are no messages are ignored", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  for (const auto* frame :
       {"", "x", "[]", "{}", "null", R"({"event":1})", R"({"event":"auth)",
        R"({"event":"send logs","args":"x"})",
        R"({"event":"send logs","args":[1]})", "\xff\xfe"})
    socket->receive(frame);
  CHECK(world.heard(*socket).empty());
  CHECK(socket->is_open());
}

TEST_CASE("null and absent arguments are nothing", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  const lines answer{"daemon error Error Event []: this node runs no servers"};
  socket->receive(R"({"event":"send command","args":[null]})");
  CHECK(world.heard(*socket) == answer);
  socket->receive(R"({"event":"send command","args":null})");
  CHECK(world.heard(*socket) == answer);
  socket->receive(R"({"event":"send command"})");
  CHECK(world.heard(*socket) == answer);
}

TEST_CASE("arguments are put together", "[http]") {
  socket_world world;
  const auto socket = world.open(server_a);
  const auto token = sign(world.claims(server_a), socket_world::key);
  socket_world::say(*socket, "auth",
                    {token.substr(0, 9), nullptr, token.substr(9)});
  CHECK(world.heard(*socket).front() == "auth success");
}

TEST_CASE("a guest is told to send a token", "[http]") {
  socket_world world;
  const auto socket = world.open(server_a);
  socket_world::say(*socket, "send logs", {nullptr});
  CHECK(world.heard(*socket) == lines{"jwt error jwt: no token was sent yet"});
}

TEST_CASE("unknown events are ignored", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  socket_world::say(*socket, "dance", {"polka"});
  CHECK(world.heard(*socket).empty());
}

TEST_CASE("what is not permitted is ignored in silence", "[http]") {
  socket_world world;
  const auto socket = world.join(
      server_a, world.claims(server_a, {"websocket.connect", "control.start"}));
  socket_world::say(*socket, "send command", {"op me"});
  socket_world::say(*socket, "set state", {"stop"});
  socket_world::say(*socket, "set state", {"kill"});
  socket_world::say(*socket, "set state", {"restart"});
  CHECK(world.heard(*socket).empty());
  CHECK(world.engine.submitted.empty());
  socket_world::say(*socket, "set state", {"start"});
  CHECK(world.engine.submitted.size() == 1);
}

TEST_CASE("a flood is dropped, then ends the connection", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  const auto say = [&](int times) {
    for (int i = 0; i < times; ++i)
      socket_world::say(*socket, "send command", {"x"});
  };
  const lines warning{"daemon error Error Event []: Too many messages in a "
                      "short time; some were dropped."};
  say(29);
  CHECK(world.heard(*socket).size() == 29);

  say(1);
  CHECK(world.heard(*socket) == warning);
  say(50);
  CHECK(world.heard(*socket).empty());

  world.pass(1s);
  say(10);
  CHECK(world.heard(*socket).size() == 10);
  say(1);
  CHECK(world.heard(*socket).empty());

  SECTION("it goes on") {
    say(48);
    CHECK(socket->is_open());
    say(1);
    CHECK(socket->close_code() == 1008);
  }
  SECTION("quiet for long enough forgives it") {
    world.pass(3s);
    say(30);
    CHECK(world.heard(*socket).size() == 30);
    say(1);
    CHECK(world.heard(*socket) == warning);
    say(99);
    CHECK(socket->is_open());
  }
}

// -- to the client -----------------------------------------------------------

TEST_CASE("a message is rendered once for all sockets", "[http]") {
  socket_world world;
  std::vector<std::shared_ptr<fake_websocket>> sockets;
  for (int i = 0; i < 5; ++i)
    sockets.push_back(world.join(server_a));
  world.hub.announce(server_a, "console output", {"a \xff \x1b[33m"});
  for (const auto& socket : sockets)
    CHECK(world.heard(*socket)
          == lines{"console output a \xef\xbf\xbd \x1b[33m"});
}

TEST_CASE("guests and other servers' clients hear nothing", "[http]") {
  socket_world world;
  const auto guest = world.open(server_a);
  const auto other = world.join(server_b);
  world.hub.announce(server_a, "status", {"running"});
  CHECK(world.heard(*guest).empty());
  CHECK(world.heard(*other).empty());
}

TEST_CASE("some events need a permission", "[http]") {
  socket_world world;
  const auto owner = world.join(server_a);
  const auto admin = world.join(
      server_a, world.claims(server_a, {"*", "admin.websocket.install",
                                        "admin.websocket.transfer"}));
  const auto guest =
      world.join(server_a, world.claims(server_a, {"websocket.connect"}));
  world.hub.announce(server_a, "backup completed", {"{}"});
  world.hub.announce(server_a, "install output", {"line"});
  world.hub.announce(server_a, "transfer logs", {"line"});
  world.hub.announce(server_a, "deleted", {"null"});
  CHECK(world.heard(*owner) == lines{"backup completed {}", "deleted null"});
  CHECK(world.heard(*admin)
        == lines{"backup completed {}", "install output line",
                 "transfer logs line", "deleted null"});
  CHECK(world.heard(*guest) == lines{"deleted null"});
}

TEST_CASE("a socket that does not take a message is let go", "[http]") {
  socket_world world;
  const auto slow = world.join(server_a);
  const auto quick = world.join(server_a);
  slow->refuse_sends();
  world.hub.announce(server_a, "status", {"running"});
  CHECK(slow->was_killed());
  CHECK(world.hub.count(server_a) == 1);
  CHECK(world.heard(*quick) == lines{"status running"});
}
