#include "jobs/log.hpp"
#include "tests/remote/factory_place.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::remote;
using namespace alula::remote::factory_place;
using jobs::fault_code;

namespace {

const std::string id(64, 'a');
const std::string create_it = "POST /v1.41/containers/create?name=game";
const std::string look = "GET /v1.41/containers/game/json";
const std::string update_it = "POST /v1.41/containers/" + id + "/update";

dockerd::reply is_there(const std::string& name = "game") {
  return dockerd::answers(200, R"({"Id":")" + id + R"(","Name":"/)" + name
                                   + R"(","State":{}})");
}

jobs::container_spec game() {
  jobs::container_spec spec;
  spec.name = "game";
  spec.image = "a/b:c";
  return spec;
}

} // namespace

// -- containers --------------------------------------------------------------

TEST_CASE("a container is made by its name", "[remote]") {
  place p;
  p.peer.on(create_it,
            {dockerd::answers(201, R"({"Id":"ab","Warnings":["w"]})")});
  const auto made = p.open().create(game());
  REQUIRE(made);
  CHECK(*made == "ab");
  const auto request = p.peer.requests().front();
  CHECK(request.head.find("Content-Type: application/json")
        != std::string::npos);
  CHECK(request.body.find(R"("Image":"a/b:c")") != std::string::npos);
}

TEST_CASE("one that has the name is taken as it is", "[remote]") {
  place p;
  p.peer.on(create_it,
            {dockerd::says(409, "Conflict. The container name /game is already "
                                "in use by container aaaa")});
  p.peer.on(look, {is_there()});
  CHECK(*p.open().create(game()) == id);

  p.peer.on(look, {dockerd::says(404, "No such container: game")});
  CHECK(p.open().create(game()).error().code == fault_code::container_busy);
}

TEST_CASE("what cannot be made is refused in Docker's words", "[remote]") {
  place p;
  auto& factory = p.open();
  for (const int status : {400, 404, 409, 500}) {
    p.peer.on(create_it, {dockerd::says(status, "No such image: a/b:c")});
    const auto made = factory.create(game());
    REQUIRE_FALSE(made);
    CHECK(made.error().code == fault_code::docker_refused);
    CHECK(made.error().what.find("No such image: a/b:c") != std::string::npos);
  }
  p.peer.on(create_it, {dockerd::says(503, "shutting down")});
  CHECK(factory.create(game()).error().code == fault_code::docker_unavailable);
  p.peer.on(create_it, {dockerd::answers(201, "garbage")});
  CHECK(factory.create(game()).error().code == fault_code::docker_unavailable);
}

TEST_CASE("a dockerd that hangs makes nothing and tells nothing", "[remote]") {
  place p;
  p.limits.create = p.limits.facts = 400ms;
  auto& factory = p.open();
  p.peer.on(create_it, {dockerd::hangs()});
  CHECK(factory.create(game()).error().code == fault_code::docker_unavailable);
  p.peer.on("GET /v1.41/version", {dockerd::hangs()});
  CHECK(factory.facts({}).error().code == fault_code::docker_unavailable);
}

TEST_CASE("text that is no name of an image never reaches dockerd",
          "[remote]") {
  place p;
  auto& factory = p.open();
  auto spec = game();
  spec.image = "../containers/json";
  CHECK(factory.create(spec).error().code == fault_code::docker_refused);
  CHECK(factory.has_image(spec.image).error().code
        == fault_code::docker_refused);
  CHECK(factory.pull(spec.image, {}, [](auto) {}, pull_for::a_missing_image, {})
            .error()
            .code
        == fault_code::docker_refused);
  spec = game();
  spec.name = "../x";
  CHECK(factory.create(spec).error().code == fault_code::docker_refused);
  CHECK(factory.update("a/b", {}).error().code == fault_code::docker_refused);
  CHECK(factory.ensure_network({.name = "a/b"}).error().code
        == fault_code::docker_refused);
  CHECK(p.peer.journal().empty());
}

TEST_CASE("limits are changed by the id of what has the name", "[remote]") {
  place p;
  auto& factory = p.open();
  p.peer.on(look, {is_there()});
  p.peer.on(update_it, {dockerd::answers(200, R"({"Warnings":null})")});
  CHECK(factory.update("game", {.memory = 1'000}));
  CHECK(p.peer.count(update_it) == 1);
  p.peer.on(update_it, {dockerd::says(500, "Cannot update container")});
  CHECK(factory.update("game", {}).error().code == fault_code::docker_refused);
  p.peer.on(look, {dockerd::says(404, "No such container: game")});
  CHECK(factory.update("game", {}));
}

TEST_CASE("what the kernel cannot do of new limits is logged", "[remote]") {
  place p;
  auto& factory = p.open();
  p.peer.on(look, {is_there()});
  p.peer.on(update_it,
            {dockerd::answers(200, R"({"Warnings":["Weight discarded."]})")});
  int told = 0;
  jobs::set_log_sink(
      [&](jobs::log_level, std::string_view event, std::string_view line) {
        told += event == "container-warning"
                        && line.find("Weight discarded.") != line.npos
                    ? 1
                    : 0;
      });
  for (int sync = 0; sync < 3; ++sync)
    CHECK(factory.update("game", {.io_weight = 300}));
  CHECK(told == 1); // of this container there is nothing new to say
  p.peer.on("GET /v1.41/containers/other/json", {is_there("other")});
  CHECK(factory.update("other", {.io_weight = 300}));
  jobs::set_log_sink({});
  CHECK(told == 2);
}

// -- networks and facts ------------------------------------------------------

TEST_CASE("a network is made unless one of exactly that name is there",
          "[remote]") {
  place p;
  auto& factory = p.open();
  const auto at = "GET /v1.41/networks/net";
  const auto make = "POST /v1.41/networks/create";
  p.peer.on(make, {dockerd::answers(201, R"({"Id":"x"})")});
  p.peer.on(at, {dockerd::answers(200, R"({"Name":"net"})")});
  CHECK_FALSE(factory.ensure_network({.name = "net"})->made);
  CHECK(p.peer.count(make) == 0);
  p.peer.on(at, {dockerd::answers(200, R"({"Name":"other","Id":"net1"})")});
  CHECK(factory.ensure_network({.name = "net"})->made);
  const auto missing = dockerd::says(404, "network net not found");
  p.peer.on(at, {missing});
  CHECK(factory.ensure_network({.name = "net"})->made);
  p.peer.on(make, {dockerd::says(403, "Pool overlaps with other one")});
  CHECK(factory.ensure_network({.name = "net"}).error().code
        == fault_code::docker_refused);
  p.peer.on(make, {dockerd::says(409, "network with name net already exists")});
  CHECK(factory.ensure_network({.name = "net"}).error().code
        == fault_code::container_busy);
  p.peer.on(at, {missing, dockerd::answers(200, R"({"Name":"net"})")});
  CHECK_FALSE(factory.ensure_network({.name = "net"})->made);
}

TEST_CASE("a network that is there counts as it is, and its differences are "
          "told once",
          "[remote]") {
  place p;
  auto& factory = p.open();
  int told = 0;
  jobs::set_log_sink(
      [&](jobs::log_level, std::string_view event, std::string_view) {
        told += event == "network-differs" ? 1 : 0;
      });
  p.peer.on("GET /v1.41/networks/net",
            {dockerd::answers(
                200, R"({"Name":"net","Driver":"overlay","Internal":true})")});
  for (int i = 0; i < 2; ++i) {
    const auto found = factory.ensure_network({.name = "net"});
    REQUIRE(found);
    CHECK(found->driver == "overlay");
    CHECK(found->internal);
  }
  CHECK(factory.ensure_network(
      {.name = "net", .driver = "overlay", .internal = true}));
  jobs::set_log_sink({});
  CHECK(told == 1);
}

TEST_CASE("facts come from both answers or not at all", "[remote]") {
  place p;
  auto& factory = p.open();
  p.peer.on("GET /v1.41/version",
            {dockerd::answers(200, R"({"Version":"20.10.24"})")});
  p.peer.on("GET /v1.41/info", {dockerd::answers(200, R"({"Containers":3})")});
  CHECK(factory.facts({})->version == "20.10.24");
  CHECK(factory.facts({})->containers == 3);
  p.peer.on("GET /v1.41/info", {dockerd::says(503, "not now")});
  CHECK(factory.facts({}).error().code == fault_code::docker_unavailable);
}
