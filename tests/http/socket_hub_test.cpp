#include "http/socket_hub.hpp"
#include "tests/contracts/audience_contract.hpp"
#include "tests/doubles/fake_audience.hpp"
#include "tests/http/socket_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;
using lines = std::vector<std::string>;

namespace {

constexpr const char* expired = "jwt error jwt: exp claim is invalid";
constexpr const char* denied =
    "jwt error jwt: created too far in past (denylist)";
constexpr const char* unexplained =
    "daemon error Error Event []: An unexpected error happened while this "
    "message was handled.";

int status_of(const std::shared_ptr<fake_exchange>& asked) {
  const auto answer = asked->wait_for_answer(0ms);
  return answer ? answer->status : 0;
}

std::string code_of(const std::shared_ptr<fake_exchange>& asked) {
  const auto answer = asked->wait_for_answer(0ms);
  return answer ? nlohmann::json::parse(answer->body).at("code") : "";
}

void deny(socket_world& world, const std::string& body, int expected = 204) {
  auto req = doubles::make_request("POST", "/", body);
  req.params.emplace_back("server", server_a.to_string());
  auto asked = std::make_shared<fake_exchange>(std::move(req));
  make_deny_handler(world.hub, world.engine)(asked);
  CHECK(status_of(asked) == expected);
}

} // namespace

// -- the upgrade -------------------------------------------------------------

TEST_CASE("an unknown server is 404 before any upgrade", "[http]") {
  socket_world world;
  const header_list headers{{"Upgrade", "websocket"}};
  for (const auto* server : {"3f2504e0-4f89-41d3-9a0c-0305e82c3301", "x", "",
                             "8D3FB5E2-5C47-4F0A-9B1E-0D3A2C1F5A7D"}) {
    const auto asked = world.ask(server, headers);
    CHECK(status_of(asked) == 404);
    CHECK(code_of(asked) == "server-not-found");
    CHECK_FALSE(asked->opened_socket());
  }
}

TEST_CASE("a node that starts answers 503", "[http]") {
  socket_world world;
  world.engine.ready = false;
  CHECK(status_of(world.ask(server_a)) == 503);
}

TEST_CASE("the origin must be the Panel's or an allowed one", "[http]") {
  socket_world world;
  const auto answer = [&](header_list headers) {
    headers.emplace_back("Upgrade", "websocket");
    return world.ask(server_a.to_string(), std::move(headers));
  };

  SECTION("the Panel's own") {
    CHECK(answer({{"Origin", "https://panel.example"}})->opened_socket());
  }
  SECTION("every other is 403 in plain text") {
    for (const auto* origin :
         {"https://panel.example/", "http://panel.example",
          "https://panel.example.evil", "https://PANEL.example", "null", ""}) {
      const auto asked = answer({{"Origin", origin}});
      REQUIRE(status_of(asked) == 403);
      const auto sent = *asked->wait_for_answer();
      CHECK(doubles::header_of(sent, "Content-Type").find("text/plain") == 0);
      CHECK(doubles::header_of(sent, "Sec-Websocket-Version") == "13");
    }
    CHECK(status_of(answer({})) == 403);
  }
  SECTION("an allowed one") {
    world.hub.change_access(
        {socket_world::key, socket_world::panel, {"https://other.example"}});
    CHECK(answer({{"Origin", "https://other.example"}})->opened_socket());
    CHECK(status_of(answer({{"Origin", "https://third.example"}})) == 403);
    CHECK(status_of(answer({})) == 403);
  }
  SECTION("a star allows every one and none") {
    world.hub.change_access({socket_world::key, socket_world::panel, {"*"}});
    CHECK(answer({{"Origin", "https://third.example"}})->opened_socket());
    CHECK(answer({})->opened_socket());
  }
  SECTION("without a Panel an empty origin is not the Panel's") {
    world.hub.change_access({socket_world::key, "", {}});
    CHECK(status_of(answer({{"Origin", ""}})) == 403);
    CHECK(status_of(answer({})) == 403);
  }
}

TEST_CASE("a request without an upgrade is 426 and pushes nobody out",
          "[http]") {
  socket_limits limits;
  limits.guests_per_server = 1;
  socket_world world{limits};
  const auto guest = world.open(server_a);
  const auto asked =
      world.ask(server_a.to_string(), {{"Origin", socket_world::panel}});
  CHECK(status_of(asked) == 426);
  CHECK(doubles::header_of(*asked->wait_for_answer(), "Upgrade")
        == "websocket");
  CHECK(guest->is_open());
  CHECK(world.hub.count(server_a) == 1);
}

TEST_CASE("a server that is being deleted takes no new sockets", "[http]") {
  socket_world world;
  world.engine.add(server_a, jobs::server_state::deleting);
  const auto asked = world.ask(server_a);
  CHECK(status_of(asked) == 409);
  CHECK(code_of(asked) == "server-locked");
  CHECK_FALSE(asked->opened_socket());
  CHECK(world.hub.count(server_a) == 0);
}

TEST_CASE("a delete that comes during the upgrade leaves no socket behind",
          "[http]") {
  socket_world world;
  int looks = 0;
  const auto delete_at_second = [&] {
    if (++looks == 2) {
      world.engine.add(server_a, jobs::server_state::deleting);
      world.hub.announce(server_a, "deleted", {"null"});
      world.hub.dismiss(server_a, 1001, "server deleted", 1s);
    }
  };
  SECTION("just before the last look") {
    world.engine.before_find = delete_at_second;
    CHECK(status_of(world.ask(server_a)) == 409);
  }
  SECTION("just after it") {
    world.engine.after_find = delete_at_second;
    const auto socket = world.open(server_a);
    CHECK(socket->close_code() == 1001);
    CHECK(socket->close_reason() == "server deleted");
    world.pass(1s);
    CHECK(socket->was_killed());
  }
  CHECK(world.hub.count(server_a) == 0);
}

// -- authentication ----------------------------------------------------------

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
  const lines answer{"daemon error Error Event []: \"send logs\" is not "
                     "available on this node yet."};
  socket->receive(R"({"event":"send logs","args":[null]})");
  CHECK(world.heard(*socket) == answer);
  socket->receive(R"({"event":"send logs","args":null})");
  CHECK(world.heard(*socket) == answer);
  socket->receive(R"({"event":"send logs"})");
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
  socket_world::say(*socket, "set state", {"start"});
  CHECK(world.heard(*socket).size() == 1);
}

TEST_CASE("a flood is dropped, then ends the connection", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  const auto say = [&](int times) {
    for (int i = 0; i < times; ++i)
      socket_world::say(*socket, "send stats", {nullptr});
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

// -- pings -------------------------------------------------------------------

TEST_CASE("a peer that answers pings stays", "[http]") {
  socket_world world;
  auto claims = world.claims(server_a);
  claims["exp"] = world.clock.now() / 1'000 + 3'600;
  const auto socket = world.join(server_a, claims);
  for (int i = 1; i <= 10; ++i) {
    world.pass(30s);
    CHECK(socket->pings() == i);
    if (i % 2 == 0)
      socket->pong();
  }
  CHECK(socket->is_open());
}

TEST_CASE("a peer that talks is alive", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  for (int i = 0; i < 6; ++i) {
    world.pass(30s);
    socket->receive("{}");
  }
  CHECK(socket->is_open());
}

TEST_CASE("a peer that misses two pings is dead", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  world.pass(30s);
  world.pass(30s);
  CHECK(socket->pings() == 2);
  CHECK(socket->is_open());
  world.pass(30s);
  CHECK(socket->was_killed());
  CHECK(world.hub.count(server_a) == 0);
}

// -- caps --------------------------------------------------------------------

TEST_CASE("a server has so many seats", "[http]") {
  socket_limits limits;
  limits.per_server = 2;
  socket_world world{limits};
  const auto first = world.join(server_a);
  const auto late = world.open(server_a);
  const auto second = world.join(server_a);

  const auto asked = world.ask(server_a);
  CHECK(status_of(asked) == 429);
  CHECK(code_of(asked) == "rate-limited");
  CHECK(world.open(server_b)->is_open());

  world.authenticate(*late, world.claims(server_a));
  CHECK(world.heard(*late)
        == lines{"daemon error Error Event []: Too many connections to this "
                 "server are open; close one and try again."});
  CHECK(late->close_code() == 1013);

  second->end();
  CHECK(world.join(server_a)->is_open());
}

TEST_CASE("a newcomer pushes out the oldest who did not authenticate",
          "[http]") {
  socket_limits limits;
  limits.guests_per_server = 2;
  socket_world world{limits};
  const auto member = world.join(server_a);
  const auto elsewhere = world.open(server_b);
  const auto first = world.open(server_a);
  const auto second = world.open(server_a);
  const auto third = world.open(server_a);
  CHECK(first->was_killed());
  CHECK(second->is_open());
  CHECK(third->is_open());
  CHECK(member->is_open());
  CHECK(elsewhere->is_open());
  CHECK(world.hub.count(server_a) == 3);
}

TEST_CASE("the node has so many places", "[http]") {
  socket_limits limits;
  limits.on_node = 3;
  socket_world world{limits};
  const auto one = world.join(server_a);
  const auto guest = world.open(server_b);
  const auto two = world.join(server_a);
  const auto three = world.join(server_b);
  CHECK(guest->was_killed());
  CHECK(status_of(world.ask(server_a)) == 429);
  three->end();
  CHECK(world.open(server_a)->is_open());
}

// -- the end -----------------------------------------------------------------

TEST_CASE("a dismissed socket is ended after the grace", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  const auto guest = world.open(server_a);
  world.hub.announce(server_a, "deleted", {"null"});
  world.hub.dismiss(server_a, 1001, "server deleted", 2s);
  CHECK(world.heard(*socket) == lines{"deleted null"});
  CHECK(socket->close_code() == 1001);
  CHECK(socket->close_reason() == "server deleted");
  CHECK(guest->close_code() == 1001);
  CHECK(world.hub.count(server_a) == 0);

  // Nothing is said to it or heard from it any more.
  world.hub.announce(server_a, "status", {"offline"});
  socket_world::say(*socket, "send stats", {nullptr});
  deny(world, R"({"jtis":["jti-1"]})");
  CHECK(world.heard(*socket).empty());

  world.pass(1'999ms);
  CHECK_FALSE(socket->was_killed());
  world.pass(1ms);
  CHECK(socket->was_killed());
  CHECK(guest->was_killed());
  CHECK_FALSE(world.hub.run_due(world.clock.steady()).has_value());
}

TEST_CASE("a dismissed socket that goes by itself is not killed", "[http]") {
  socket_world world;
  const auto socket = world.join(server_a);
  world.hub.dismiss(server_a, 1001, "server deleted", 2s);
  socket->end(1001);
  CHECK_FALSE(world.hub.run_due(world.clock.steady()).has_value());
  world.pass(1h);
  CHECK_FALSE(socket->was_killed());
}

TEST_CASE("a hub that closes lets nobody in", "[http]") {
  socket_world world;
  const auto a = world.join(server_a);
  const auto b = world.join(server_b);
  world.hub.dismiss_all(1001, "the node restarts", 1s);
  CHECK(a->close_code() == 1001);
  CHECK(b->close_code() == 1001);
  CHECK(status_of(world.ask(server_a)) == 503);
  world.hub.stop();
  CHECK(a->was_killed());
}

TEST_CASE("nothing is due without sockets", "[http]") {
  socket_world world;
  CHECK_FALSE(world.hub.run_due(world.clock.steady()).has_value());
  const auto socket = world.join(server_a);
  CHECK(world.hub.run_due(world.clock.steady()).has_value());
  socket->end();
  CHECK_FALSE(world.hub.run_due(world.clock.steady()).has_value());
}

TEST_CASE("the hub's own thread keeps its deadlines", "[http]") {
  socket_limits limits;
  limits.auth_deadline = 50ms;
  limits.close_grace = 50ms;
  const jobs::system_clock clock;
  servers_only engine;
  engine.add(server_a);
  socket_hub hub{{"key", "", {"*"}}, {.limits = limits}, clock};
  auto req = doubles::make_request("GET", "/", {}, {{"Upgrade", "websocket"}});
  req.params.emplace_back("server", server_a.to_string());
  const auto asked = std::make_shared<fake_exchange>(std::move(req));
  make_socket_handler(hub, engine)(asked);
  const auto socket = asked->opened_socket();
  REQUIRE(socket);
  CHECK(socket->wait_until([](const auto& s) { return s.was_killed(); }));
  CHECK(socket->close_code() == 1008);
}

namespace {

/// A connection that ends, and says so, inside every call made on it.
class brittle_socket final : public websocket {
public:
  explicit brittle_socket(websocket_events events)
    : events_(std::move(events)) {}
  bool send(frame_ptr) override { return gone(); }
  bool ping() override { return gone(); }
  void close(std::uint16_t, std::string_view) override { gone(); }
  void kill() override { gone(); }
  bool is_open() const override { return open_; }
  void receive(std::string text) { events_.on_text(std::move(text)); }

private:
  bool gone() {
    if (std::exchange(open_, false))
      events_.on_closed(1006);
    return false;
  }
  websocket_events events_;
  bool open_ = true;
};

class brittle_exchange final : public exchange {
public:
  explicit brittle_exchange(request req) : req_(std::move(req)) {}
  const request& req() const override { return req_; }
  void reply(response) override {}
  std::shared_ptr<stream> start_stream(response) override { return nullptr; }
  std::shared_ptr<websocket> upgrade(websocket_events events) override {
    return socket = std::make_shared<brittle_socket>(std::move(events));
  }
  std::shared_ptr<brittle_socket> socket;

private:
  const request req_;
};

} // namespace

TEST_CASE("a connection may end inside any call", "[http]") {
  socket_world world;
  auto req = doubles::make_request(
      "GET", "/", {}, {{"Upgrade", "websocket"}, {"Origin", world.panel}});
  req.params.emplace_back("server", server_a.to_string());
  const auto asked = std::make_shared<brittle_exchange>(std::move(req));
  make_socket_handler(world.hub, world.engine)(asked);
  REQUIRE(world.hub.count(server_a) == 1);
  SECTION("send") {
    asked->socket->receive(R"({"event":"send logs"})");
  }
  SECTION("close and kill") {
    world.hub.dismiss(server_a, 1001, "server deleted", 1s);
    world.pass(1s);
  }
  SECTION("ping") {
    world.pass(30s);
  }
  SECTION("kill") {
    world.hub.stop();
  }
  CHECK(world.hub.count(server_a) == 0);
  CHECK_FALSE(world.hub.run_due(world.clock.steady()).has_value());
}

TEST_CASE("many threads may use the hub at once", "[http]") {
  socket_limits limits;
  limits.frames_per_second = 1e6;
  limits.frames_burst = 1e6;
  socket_world world{limits};
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  const auto repeat = [&](auto what) {
    threads.emplace_back([&done, what] {
      while (!done)
        what();
    });
  };
  repeat([&] { world.hub.announce(server_a, "status", {"running"}); });
  repeat([&] { world.hub.dismiss(server_a, 1001, "server deleted", 1ms); });
  repeat([&] { world.hub.deny({"jti-2"}); });
  repeat([&] {
    world.hub.run_due(world.clock.steady());
    world.hub.count(server_a);
  });
  for (int i = 0; i < 300; ++i) {
    const auto socket = world.open(server_a);
    world.authenticate(*socket, world.claims(server_a));
    world.clock.move(10ms);
    socket->pong();
    socket->end();
  }
  done = true;
  for (auto& thread : threads)
    thread.join();
  CHECK(world.hub.count(server_a) == 0);
}

// -- the contract ------------------------------------------------------------

namespace {

class hub_audience final : public contracts::audience_world {
public:
  jobs::audience& port() override { return world_.hub; }
  void connect(const jobs::server_id& server) override {
    sockets_.emplace_back(server, world_.join(server));
  }
  lines heard(const jobs::server_id& server) override {
    std::optional<lines> all;
    for (const auto& [of, socket] : sockets_) {
      if (of != server)
        continue;
      auto one = world_.heard(*socket);
      if (const auto code = socket->close_code())
        one.push_back("closed " + std::to_string(*code) + " "
                      + socket->close_reason());
      CHECK((!all || *all == one));
      all = one;
    }
    return all.value_or(lines{});
  }

private:
  socket_world world_;
  std::vector<std::pair<jobs::server_id, std::shared_ptr<fake_websocket>>>
      sockets_;
};

class fake_audience_world final : public contracts::audience_world {
public:
  jobs::audience& port() override { return audience_; }
  void connect(const jobs::server_id& server) override {
    ++audience_.sockets[server];
  }
  lines heard(const jobs::server_id& server) override {
    lines found;
    const auto uuid = server.to_string() + ' ';
    for (const auto& line : audience_.calls()) {
      if (line.find("announce " + uuid) == 0)
        found.push_back(line.substr(46));
      else if (line.find("dismiss " + uuid) == 0)
        found.push_back("closed " + line.substr(45));
    }
    return found;
  }

private:
  jobs::fake_audience audience_;
};

} // namespace

TEST_CASE("the hub keeps the contract of an audience", "[http]") {
  contracts::audience_keeps_its_contract(
      []() -> std::unique_ptr<contracts::audience_world> {
        return std::make_unique<hub_audience>();
      });
}

TEST_CASE("the fake keeps the contract of an audience", "[http]") {
  contracts::audience_keeps_its_contract(
      []() -> std::unique_ptr<contracts::audience_world> {
        return std::make_unique<fake_audience_world>();
      });
}
