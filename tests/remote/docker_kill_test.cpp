#include "remote/docker.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <catch2/catch.hpp>

#include <future>

using namespace alula::remote;
using alula::jobs::fault_code;
using namespace std::chrono_literals;
using dockerd = scripted_dockerd;
using lines = std::vector<std::string>;

namespace {

const std::string id(64, 'a');
const std::string look = "GET /v1.41/containers/game/json";
const std::string kill_it = "POST /v1.41/containers/" + id + "/kill";
const std::string thaw_it = "POST /v1.41/containers/" + id + "/unpause";

dockerd::reply is(const std::string& state) {
  return dockerd::answers(200, R"({"Id":")" + id
                                   + R"(","Name":"/game","State":{"Status":")"
                                   + state + R"(","Running":true}})");
}

docker_settings limited(const dockerd& peer,
                        std::chrono::milliseconds limit = 60s) {
  docker_settings settings;
  settings.socket = peer.socket();
  settings.inspect = settings.kill = settings.start = limit;
  return settings;
}

} // namespace

TEST_CASE("a kill names its signal and does not wait", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running")});
  peer.on(kill_it, {dockerd::answers(204)});
  docker subject{limited(peer)};
  CHECK(subject.kill("game", "SIGINT"));
  CHECK(peer.journal() == lines{look, kill_it + "?signal=SIGINT"});
}

TEST_CASE("a container that ended in between is killed", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running")});
  docker subject{limited(peer)};
  peer.on(kill_it, {dockerd::says(409, "Container a is not running")});
  CHECK(subject.kill("game", "SIGINT"));
  peer.on(kill_it, {dockerd::says(404, "No such container: a")});
  CHECK(subject.kill("game", "SIGINT"));
}

TEST_CASE("a signal that is none is refused with its name", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running")});
  for (const int status : {400, 500}) {
    peer.on(kill_it, {dockerd::says(status, "Invalid signal: terminat")});
    docker subject{limited(peer)};
    const auto killed = subject.kill("game", "terminat");
    REQUIRE_FALSE(killed);
    CHECK(killed.error().code == fault_code::docker_refused);
    CHECK(killed.error().what.find("terminat") != std::string::npos);
  }
}

TEST_CASE("a paused container is thawed to feel the signal", "[remote]") {
  dockerd peer;
  peer.on(look, {is("paused")});
  peer.on(thaw_it, {dockerd::answers(204)});
  docker subject{limited(peer)};
  SECTION("dockerd keeps it") {
    peer.on(kill_it, {dockerd::answers(204)});
    CHECK(subject.kill("game", "SIGINT"));
    CHECK(peer.count(kill_it) == 1);
  }
  SECTION("dockerd refuses it") {
    peer.on(kill_it, {dockerd::says(500, "Container a is paused. Unpause it"),
                      dockerd::answers(204)});
    CHECK(subject.kill("game", "SIGINT"));
    CHECK(peer.count(kill_it) == 2);
  }
  CHECK(peer.count(thaw_it) == 1);
}

TEST_CASE("a kill does not wait for a call that hangs", "[remote]") {
  dockerd peer;
  const auto start_it = "POST /v1.41/containers/" + id + "/start";
  peer.on(look, {is("created")});
  peer.on(start_it, {dockerd::answers_late(204)});
  peer.on(kill_it, {dockerd::answers(204)});
  docker subject{limited(peer)};
  auto started = std::async(std::launch::async,
                            [&] { return subject.start("game").has_value(); });
  REQUIRE(peer.saw(start_it));
  CHECK(subject.kill("game", "SIGKILL"));
  CHECK(started.wait_for(0s) == std::future_status::timeout);
  peer.let_go();
  CHECK(started.get());
}

TEST_CASE("a container whose kill hangs is unresponsive", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running")});
  peer.on(kill_it, {dockerd::hangs()});
  docker subject{limited(peer, 400ms)};
  CHECK(subject.kill("game", "SIGKILL").error().code
        == fault_code::docker_unavailable);
  CHECK(subject.unresponsive() == lines{"game"});
}
