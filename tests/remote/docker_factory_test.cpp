#include "jobs/log.hpp"
#include "remote/docker_factory.hpp"
#include "remote/docker_link.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <catch2/catch.hpp>

#include <future>

using namespace alula;
using namespace alula::remote;
using jobs::fault_code;
using pull_for = jobs::container_factory::pull_for;
using namespace std::chrono_literals;
using dockerd = scripted_dockerd;
using lines = std::vector<std::string>;

namespace {

const std::string id(64, 'a');
const std::string create_it = "POST /v1.41/containers/create?name=game";
const std::string look = "GET /v1.41/containers/game/json";
const std::string update_it = "POST /v1.41/containers/" + id + "/update";
const std::string pull_it = "POST /v1.41/images/create";
const std::string chunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(const std::string& text) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + text + "\r\n";
}

dockerd::reply is_there(const std::string& name = "game") {
  return dockerd::answers(200, R"({"Id":")" + id + R"(","Name":"/)" + name
                                   + R"(","State":{}})");
}

struct place {
  dockerd peer;
  docker_settings settings;
  docker_factory_settings limits;
  std::vector<std::string> told;
  std::unique_ptr<docker_factory> factory;

  place() {
    settings.socket = peer.socket();
    settings.circuit.first_pause = 0ms;
    settings.circuit.longest_pause = 0ms;
    limits.create = limits.update = limits.network = limits.facts = 60s;
    limits.pull_silence = limits.pull = 60s;
  }
  docker_factory& open() {
    factory = std::make_unique<docker_factory>(
        std::make_shared<docker_link>(settings), limits);
    return *factory;
  }
  jobs::status pull(const std::optional<jobs::registry_login>& login = {},
                    std::stop_token stop = {},
                    pull_for what = pull_for::a_missing_image) {
    return open().pull(
        "host:5000/a/b:c", login,
        [this](std::string_view line) { told.emplace_back(line); }, what, stop);
  }
  jobs::status pull_newer() { return pull({}, {}, pull_for::a_newer_image); }
};

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

// -- images ------------------------------------------------------------------

TEST_CASE("a pull tells what it does", "[remote]") {
  place p;
  p.peer.on(
      pull_it,
      {dockerd::cuts_after(
          chunked
          + chunk("{\"status\":\"Pulling from a/b\",\"id\":\"c\"}\n{\"sta")
          + chunk("tus\":\"Pull complete\",\"id\":\"5f70\"}\n")
          + "0\r\n\r\n")});
  CHECK(p.pull(jobs::registry_login{"user", "p"}));
  CHECK(p.told == lines{"c Pulling from a/b", "5f70 Pull complete"});
  const auto request = p.peer.requests().front();
  CHECK(request.target
        == "/v1.41/images/create?fromImage=host%3A5000%2Fa%2Fb&tag=c");
  CHECK(request.head.find("X-Registry-Auth: ") != std::string::npos);
}

TEST_CASE("an error inside a pull is a fault", "[remote]") {
  place p;
  p.peer.on(pull_it,
            {dockerd::cuts_after(
                chunked
                + chunk("{\"status\":\"Pulling\"}\n{\"error\":\"no space\"}\n")
                + "0\r\n\r\n")});
  const auto pulled = p.pull();
  REQUIRE_FALSE(pulled);
  CHECK(pulled.error().code == fault_code::docker_refused);
  CHECK(pulled.error().what.find("no space") != std::string::npos);
}

TEST_CASE("a pull that goes wrong is a fault", "[remote]") {
  place p;
  auto code = fault_code::docker_unavailable;
  SECTION("refused before it began") {
    code = fault_code::docker_refused;
    p.peer.on(pull_it, {dockerd::says(404, "pull access denied for a/b")});
  }
  SECTION("no registry") {
    code = fault_code::docker_refused;
    p.peer.on(pull_it, {dockerd::says(500, "Get https://host: dial tcp")});
  }
  SECTION("cut in the middle") {
    p.peer.on(pull_it, {dockerd::cuts_after(
                           chunked + chunk("{\"status\":\"Pulling\"}\n"))});
  }
  SECTION("silent in the middle") {
    p.peer.on(pull_it, {[](dockerd::connection& to, const dockerd::request&) {
                to.send(chunked + chunk("{\"status\":\"Pulling\"}\n"));
                to.wait(1h);
                return false;
              }});
  }
  SECTION("silent from the beginning") {
    p.peer.on(pull_it, {dockerd::hangs()});
  }
  SECTION("a record without an end") {
    p.peer.on(pull_it, {dockerd::floods("HTTP/1.1 200 OK\r\n\r\n",
                                        std::string(4'096, 'x'), 8 << 20)});
  }
  p.limits.pull_silence = 400ms;
  const auto pulled = p.pull();
  REQUIRE_FALSE(pulled);
  CHECK(pulled.error().code == code);
}

TEST_CASE("a pull lasts as long as it says something", "[remote]") {
  place p;
  p.limits.pull_silence = 2s;
  p.peer.on(pull_it, {[](dockerd::connection& to, const dockerd::request&) {
              to.send(chunked);
              for (int i = 0; i < 10; ++i) {
                to.send(chunk("{\"status\":\"" + std::to_string(i) + "\"}\n"));
                to.wait(250ms);
              }
              to.send("0\r\n\r\n");
              return false;
            }});
  CHECK(p.pull());
  CHECK(p.told.size() == 10);
}

TEST_CASE("a pull that says something has an end all the same", "[remote]") {
  place p;
  p.limits.pull = 300ms;
  p.peer.on(pull_it, {[](dockerd::connection& to, const dockerd::request&) {
              to.send(chunked);
              for (int i = 0; i < 400; ++i) {
                if (!to.send(chunk("{\"status\":\"Waiting\"}\n")))
                  return false;
                to.wait(50ms);
              }
              to.send("0\r\n\r\n");
              return false;
            }});
  const auto pulled = p.pull();
  REQUIRE_FALSE(pulled);
  CHECK(pulled.error().code == fault_code::docker_refused);
  CHECK(pulled.error().what.find("docker.deadlines.pull") != std::string::npos);
}

TEST_CASE("a pull of what is here already is given up soon", "[remote]") {
  place p;
  auto code = fault_code::docker_unavailable;
  SECTION("when nothing is said") {
    p.limits.newer_silence = 300ms;
    p.peer.on(pull_it, {dockerd::hangs()});
  }
  SECTION("when it takes long") {
    p.limits.newer = 300ms;
    code = fault_code::docker_refused;
    p.peer.on(pull_it, {[](dockerd::connection& to, const dockerd::request&) {
                to.send(chunked);
                while (to.send(chunk("{\"status\":\"Waiting\"}\n")))
                  to.wait(50ms);
                return false;
              }});
  }
  const auto pulled = p.pull_newer();
  REQUIRE_FALSE(pulled);
  CHECK(pulled.error().code == code);
}

TEST_CASE("a pull of what is missing has the patience of its own", "[remote]") {
  place p;
  p.limits.newer_silence = p.limits.newer = 1ms;
  p.peer.on(pull_it, {[](dockerd::connection& to, const dockerd::request&) {
              to.send(chunked);
              for (int i = 0; i < 3; ++i) {
                to.wait(100ms);
                to.send(chunk("{\"status\":\"Waiting\"}\n"));
              }
              to.send("0\r\n\r\n");
              return false;
            }});
  CHECK(p.pull());
}

TEST_CASE("a pull ends when it is told to", "[remote]") {
  place p;
  p.limits.pull_silence = 1h;
  p.peer.on(pull_it, {dockerd::hangs()});
  std::stop_source stop;
  auto pulled = std::async(std::launch::async,
                           [&] { return p.pull({}, stop.get_token()); });
  REQUIRE(p.peer.saw(pull_it));
  stop.request_stop();
  CHECK(pulled.get().error().code == fault_code::interrupted);
}

TEST_CASE("an image is looked for by its whole name", "[remote]") {
  place p;
  auto& factory = p.open();
  const auto at = "GET /v1.41/images/host%3A5000%2Fa%2Fb%3Ac/json";
  p.peer.on(at, {dockerd::answers(200, "{}")});
  CHECK(*factory.has_image("host:5000/a/b:c"));
  p.peer.on(at, {dockerd::says(404, "No such image: x")});
  CHECK_FALSE(*factory.has_image("host:5000/a/b:c"));
  p.peer.on(at, {dockerd::says(404, "page not found")});
  CHECK_FALSE(factory.has_image("host:5000/a/b:c"));
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
