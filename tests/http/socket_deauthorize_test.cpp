// Users whom the Panel has shown out of their websockets.
#include "tests/http/live_world.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

namespace {

int deauthorize(socket_world& world, const std::string& body) {
  const auto asked =
      std::make_shared<fake_exchange>(doubles::make_request("POST", "/", body));
  make_deauthorize_handler(world.hub)(asked);
  return status_of(asked);
}

} // namespace

TEST_CASE("who is deauthorized is shown out, and his tokens are denied",
          "[http]") {
  live_world world;
  const auto user = std::string{"user-1"};
  const auto mine = world.come_in_quietly();
  auto others = world.claims(server_a);
  others["user_uuid"] = "user-2";
  const auto other = world.open(server_a);
  world.authenticate(*other, others);
  const auto elsewhere = world.open(server_b);
  world.authenticate(*elsewhere, world.claims(server_b));
  world.clock.move(1s);

  SECTION("of some servers") {
    CHECK(deauthorize(world, R"({"user":"user-1","servers":[")"
                                 + server_a.to_string() + R"("]})")
          == 204);
    CHECK(elsewhere->is_open());
  }
  SECTION("of all, in Pelican's wrapping") {
    CHECK(deauthorize(world, R"({"json":{"user":"user-1","servers":[]}})")
          == 204);
    CHECK(elsewhere->close_code() == 1008);
  }
  CHECK(mine->close_code() == 1008);
  CHECK(other->is_open());

  auto old = world.claims(server_a);
  old["iat"] = world.clock.now() / 1'000 - 1;
  const auto again = world.open(server_a);
  world.authenticate(*again, old);
  CHECK(world.heard(*again).at(0).find("denylist") != std::string::npos);
  world.clock.move(2s);
  world.authenticate(*again, world.claims(server_a));
  CHECK(world.heard(*again).at(0) == "auth success");
}

TEST_CASE("a deauthorization of nobody is refused", "[http]") {
  live_world world;
  CHECK(deauthorize(world, "{}") == 422);
  CHECK(deauthorize(world, R"({"user":"u","servers":["x"]})") == 422);
  CHECK(deauthorize(world, "no") == 400);
}
