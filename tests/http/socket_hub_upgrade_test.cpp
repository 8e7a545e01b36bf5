#include "http/socket_hub.hpp"
#include "tests/http/socket_world.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <utility>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

// Who gets a websocket at all.

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
