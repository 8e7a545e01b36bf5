// Images: whether they are there, and how they are pulled.
#include "tests/remote/factory_place.hpp"

#include <catch2/catch.hpp>

#include <future>

using namespace alula;
using namespace alula::remote;
using namespace alula::remote::factory_place;
using jobs::fault_code;
using lines = std::vector<std::string>;

namespace {

const std::string pull_it = "POST /v1.41/images/create";

} // namespace

TEST_CASE("a pull tells what it does", "[remote]") {
  place p;
  p.peer.on(pull_it,
            {dockerd::cuts_after(
                dockerd::chunked
                + dockerd::chunk(
                    "{\"status\":\"Pulling from a/b\",\"id\":\"c\"}\n{\"sta")
                + dockerd::chunk("tus\":\"Pull complete\",\"id\":\"5f70\"}\n")
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
                dockerd::chunked
                + dockerd::chunk(
                    "{\"status\":\"Pulling\"}\n{\"error\":\"no space\"}\n")
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
                           dockerd::chunked
                           + dockerd::chunk("{\"status\":\"Pulling\"}\n"))});
  }
  SECTION("silent in the middle") {
    p.peer.on(pull_it, {[](dockerd::connection& to, const dockerd::request&) {
                to.send(dockerd::chunked
                        + dockerd::chunk("{\"status\":\"Pulling\"}\n"));
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
              to.send(dockerd::chunked);
              for (int i = 0; i < 10; ++i) {
                to.send(dockerd::chunk("{\"status\":\"" + std::to_string(i)
                                       + "\"}\n"));
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
              to.send(dockerd::chunked);
              for (int i = 0; i < 400; ++i) {
                if (!to.send(dockerd::chunk("{\"status\":\"Waiting\"}\n")))
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
                to.send(dockerd::chunked);
                while (to.send(dockerd::chunk("{\"status\":\"Waiting\"}\n")))
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
              to.send(dockerd::chunked);
              for (int i = 0; i < 3; ++i) {
                to.wait(100ms);
                to.send(dockerd::chunk("{\"status\":\"Waiting\"}\n"));
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
