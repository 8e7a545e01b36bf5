#include "tests/remote/one_container.hpp"

#include <catch2/catch.hpp>

#include <future>

using namespace alula::remote;
using namespace alula::remote::one_container;
using alula::jobs::fault_code;

namespace {

const std::string thaw_it = "POST /v1.41/containers/" + id + "/unpause";

} // namespace

TEST_CASE("a kill names its signal and does not wait", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(kill_it, {dockerd::answers(204)});
  docker subject{patient(peer)};
  CHECK(subject.kill(uuid, "SIGINT"));
  CHECK(peer.journal() == lines{look, kill_it + "?signal=SIGINT"});
}

TEST_CASE("a container that ended in between is killed", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  docker subject{patient(peer)};
  peer.on(kill_it, {dockerd::says(409, "Container a is not running")});
  CHECK(subject.kill(uuid, "SIGINT"));
  peer.on(kill_it, {dockerd::says(404, "No such container: a")});
  CHECK(subject.kill(uuid, "SIGINT"));
}

TEST_CASE("a signal that is none is refused with its name", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  for (const int status : {400, 500}) {
    peer.on(kill_it, {dockerd::says(status, "Invalid signal: terminat")});
    docker subject{patient(peer)};
    const auto killed = subject.kill(uuid, "terminat");
    REQUIRE_FALSE(killed);
    CHECK(killed.error().code == fault_code::docker_refused);
    CHECK(killed.error().what.find("terminat") != std::string::npos);
  }
}

TEST_CASE("a paused container is thawed to feel the signal", "[remote]") {
  dockerd peer;
  peer.on(look, {is("paused", true)});
  peer.on(thaw_it, {dockerd::answers(204)});
  docker subject{patient(peer)};
  SECTION("dockerd keeps it") {
    peer.on(kill_it, {dockerd::answers(204)});
    CHECK(subject.kill(uuid, "SIGINT"));
    CHECK(peer.count(kill_it) == 1);
  }
  SECTION("dockerd refuses it") {
    peer.on(kill_it, {dockerd::says(500, "Container a is paused. Unpause it"),
                      dockerd::answers(204)});
    CHECK(subject.kill(uuid, "SIGINT"));
    CHECK(peer.count(kill_it) == 2);
  }
  CHECK(peer.count(thaw_it) == 1);
}

TEST_CASE("a kill does not wait for a call that hangs", "[remote]") {
  dockerd peer;
  const auto start_it = "POST /v1.41/containers/" + id + "/start";
  peer.on(look, {is("created", true)});
  peer.on(start_it, {dockerd::answers_late(204)});
  peer.on(kill_it, {dockerd::answers(204)});
  docker subject{patient(peer)};
  auto started = std::async(std::launch::async,
                            [&] { return subject.start(uuid).has_value(); });
  REQUIRE(peer.saw(start_it));
  CHECK(subject.kill(uuid, "SIGKILL"));
  CHECK(started.wait_for(0s) == std::future_status::timeout);
  peer.let_go();
  CHECK(started.get());
}

TEST_CASE("a container whose kill hangs is unresponsive", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(kill_it, {dockerd::hangs()});
  docker subject{patient(peer, 400ms)};
  CHECK(subject.kill(uuid, "SIGKILL").error().code
        == fault_code::docker_unavailable);
  CHECK(subject.unresponsive() == lines{uuid});
}
