// How what is announced is numbered, and how a client hears what it missed.
#include "tests/http/live_world.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <string>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

TEST_CASE("what is announced of a server is numbered without gaps", "[http]") {
  live_world world;
  const auto socket = world.come_in_quietly();
  const auto from = socket->sent().size();
  world.hub.announce(server_a, "console output", {"1"});
  world.hub.announce(server_b, "console output", {"elsewhere"});
  world.hub.announce(server_a, "console output", {"2"});
  const auto all = socket->sent();
  REQUIRE(all.size() == from + 2);
  CHECK(seq_of(all[from]) > 0);
  CHECK(seq_of(all[from + 1]) == seq_of(all[from]) + 1);
  // What is said to one client alone has none.
  CHECK(seq_of(all[0]) == 0);
}

TEST_CASE("numbers go on over a restart", "[http]") {
  const auto number_in = [](socket_world& world) {
    const auto socket = world.join(server_a);
    world.hub.announce(server_a, "status", {"running"});
    return seq_of(socket->sent().back());
  };
  socket_world before;
  const auto first = number_in(before);
  socket_world after{{}, 10s};
  CHECK(number_in(after) > first);
}

TEST_CASE("who brings a new token hears what has ended meanwhile", "[http]") {
  live_world world;
  world.hub.announce(server_a, "install completed", {""});
  const auto socket = world.come_in_quietly();
  world.hub.announce(server_a, "console output", {"seen"});
  world.pass(601s);
  world.heard(*socket);
  world.hub.announce(server_a, "console output", {"unseen"});
  world.hub.announce(server_a, "backup completed", {"{}"});
  world.hub.announce(server_a, "backup completed:x", {"{}"});
  CHECK(world.heard(*socket) == lines{"jwt error jwt: exp claim is invalid"});
  world.authenticate(*socket, world.claims(server_a));
  const auto told = world.heard(*socket);
  REQUIRE(told.size() >= 4);
  CHECK(told[0] == "auth success");
  CHECK(told[1] == "backup completed {}");
  CHECK(told[2] == "backup completed:x {}");
  CHECK(told[3] == "status offline");
  // Once.
  world.authenticate(*socket, world.claims(server_a));
  CHECK(world.heard(*socket) == lines{"auth success"});
}

TEST_CASE("who was cut off resumes behind the last number it saw", "[http]") {
  live_world world;
  world.hub.announce(server_a, "backup completed", {"1"});
  world.hub.announce(server_a, "backup restore completed", {""});
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "resume", {"0"});
  CHECK(world.heard(*socket)
        == lines{"backup completed 1", "backup restore completed "});
  const auto last = seq_of(socket->sent().back());
  socket_world::say(*socket, "resume", {std::to_string(last - 1)});
  CHECK(world.heard(*socket) == lines{"backup restore completed "});
  // What may not be heard is not resumed either.
  const auto stranger = world.come_in_quietly({"websocket.connect"});
  socket_world::say(*stranger, "resume", {"0"});
  CHECK(world.heard(*stranger) == lines{"backup restore completed "});
}

TEST_CASE("a bounded number of completions is kept, of servers that are here",
          "[http]") {
  live_world world;
  for (int i = 0; i < 100; ++i)
    world.hub.announce(server_a, "backup completed", {std::to_string(i)});
  const auto socket = world.come_in_quietly();
  socket_world::say(*socket, "resume", {"0"});
  const auto told = world.heard(*socket);
  CHECK(told.size() == 64);
  CHECK(told.back() == "backup completed 99");
  world.hub.dismiss(server_a, 1001, "server deleted", 1s);
  const auto next = world.come_in_quietly();
  socket_world::say(*next, "resume", {"0"});
  CHECK(world.heard(*next).empty());
}

TEST_CASE("both names of a completed backup need its permission", "[http]") {
  live_world world;
  const auto owner = world.come_in_quietly();
  const auto guest = world.come_in_quietly({"websocket.connect"});
  world.hub.announce(server_a, "backup completed", {"{}"});
  world.hub.announce(server_a, "backup completed:a3d1", {"{}"});
  CHECK(world.heard(*owner)
        == lines{"backup completed {}", "backup completed:a3d1 {}"});
  CHECK(world.heard(*guest).empty());
}
