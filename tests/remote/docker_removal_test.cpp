// How a container is removed, step by step.
#include "tests/remote/one_container.hpp"

#include <catch2/catch.hpp>

#include <future>

using namespace alula::remote;
using namespace alula::remote::one_container;
using alula::jobs::fault_code;
using std::chrono::steady_clock;

TEST_CASE("a missing container is destroyed already", "[remote]") {
  dockerd peer;
  peer.on(look, {is_gone()});
  docker subject{patient(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(peer.journal() == lines{look});
}

TEST_CASE("a stopped container is removed plainly, by its id", "[remote]") {
  dockerd peer;
  peer.on(look, {is("exited")});
  peer.on(remove_it, {dockerd::answers(204)});
  docker subject{patient(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(peer.journal() == lines{look, remove_it});
}

TEST_CASE("a running container is killed and awaited first", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(kill_it, {dockerd::answers(204)});
  peer.on(look_again, {is("running", true), is("running", true), is("exited")});
  peer.on(remove_it, {dockerd::answers(204)});
  docker subject{patient(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(without_repeats(peer.journal())
        == lines{look, kill_it + "?signal=KILL", look_again, remove_it});
}

TEST_CASE("a container that ends before the kill arrives is fine", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(remove_it, {dockerd::answers(204)});
  SECTION("not running any more") {
    peer.on(kill_it, {dockerd::says(409, "Cannot kill container: x: Container "
                                         "x is not running")});
    peer.on(look_again, {is("exited")});
  }
  SECTION("not modified") {
    peer.on(kill_it, {dockerd::answers(304)});
    peer.on(look_again, {is("exited")});
  }
  SECTION("gone with the kill, as with --rm") {
    peer.on(kill_it, {dockerd::answers(204)});
    peer.on(look_again, {is_gone()});
    peer.on(remove_it, {is_gone()});
  }
  SECTION("gone before the kill") {
    peer.on(kill_it, {is_gone()});
    peer.on(look_again, {is_gone()});
    peer.on(remove_it, {is_gone()});
  }
  docker subject{patient(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(peer.count(force_it) == 0);
}

TEST_CASE("a paused container is thawed when it cannot be killed", "[remote]") {
  dockerd peer;
  peer.on(look, {is("paused", true)});
  peer.on(kill_it,
          {dockerd::says(409, "Container x is paused. Unpause the container "
                              "before stopping or killing"),
           dockerd::answers(204)});
  peer.on("POST /v1.41/containers/" + id + "/unpause", {dockerd::answers(204)});
  peer.on(look_again, {is("exited")});
  peer.on(remove_it, {dockerd::answers(204)});
  docker subject{patient(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(peer.count(kill_it) == 2);
  CHECK(peer.count("POST /v1.41/containers/" + id + "/unpause") == 1);
}

TEST_CASE("force comes only after plain removal was refused", "[remote]") {
  dockerd peer;
  peer.on(look, {is("restarting", false)});
  peer.on(remove_it, {dockerd::says(409, "You cannot remove a restarting "
                                         "container x")});
  peer.on(force_it, {dockerd::answers(204)});
  docker subject{patient(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(peer.journal() == lines{look, remove_it, force_it});
}

TEST_CASE("a container that survives its kill is removed by force",
          "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(look_again, {is("running", true)});
  peer.on(kill_it, {dockerd::says(500, "permission denied")});
  peer.on(remove_it, {dockerd::says(409, "You cannot remove a running "
                                         "container x")});
  peer.on(force_it, {dockerd::answers(204)});
  docker subject{quick(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(peer.count(force_it) == 1);
}

TEST_CASE("a busy mount is waited for, never forced", "[remote]") {
  dockerd peer;
  peer.on(look, {is("dead")});
  peer.on(remove_it,
          {dockerd::says(500, "unlinkat /x/merged: device or resource busy")});
  peer.on(force_it, {dockerd::answers(204)});
  docker subject{quick(peer)};
  const auto status = subject.destroy(uuid, {});
  REQUIRE_FALSE(status);
  CHECK(status.error().code == fault_code::container_busy);
  CHECK(status.error().what.find("device or resource busy")
        != std::string::npos);
  CHECK(peer.count(force_it) == 0);
}

TEST_CASE("a removal under way is awaited", "[remote]") {
  dockerd peer;
  peer.on(look, {is("removing")});
  peer.on(remove_it, {in_progress()});
  peer.on(look_again, {is("removing"), is("removing"), is_gone()});
  docker subject{patient(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(peer.journal()
        == lines{look, remove_it, look_again, look_again, look_again});
}

TEST_CASE("a removal that never ends is container_busy in time", "[remote]") {
  dockerd peer;
  peer.on(look, {is("removing")});
  peer.on(remove_it, {in_progress()});
  peer.on(look_again, {is("removing")});
  docker subject{quick(peer)};
  const auto begin = steady_clock::now();
  const auto status = subject.destroy(uuid, {});
  REQUIRE_FALSE(status);
  CHECK(status.error().code == fault_code::container_busy);
  CHECK(status.error().what.find("removing") != std::string::npos);
  CHECK(steady_clock::now() - begin >= 1'300ms);
  CHECK(steady_clock::now() - begin < soon);
  CHECK(peer.count(force_it) == 0);
}

TEST_CASE("when the other remover gave up, this one takes over", "[remote]") {
  dockerd peer;
  peer.on(look, {is("exited")});
  peer.on(remove_it, {in_progress(), dockerd::answers(204)});
  peer.on(look_again, {is("removing"), is("dead")});
  docker subject{patient(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(peer.count(remove_it) == 2);
  CHECK(peer.count(force_it) == 0);
}

TEST_CASE("a final no of dockerd is passed on in its words", "[remote]") {
  dockerd peer;
  peer.on(look, {is("exited")});
  peer.on(remove_it, {dockerd::says(403, "authorization denied by plugin x")});
  docker subject{patient(peer)};
  const auto status = subject.destroy(uuid, {});
  REQUIRE_FALSE(status);
  CHECK(status.error().code == fault_code::docker_refused);
  CHECK(status.error().what.find("authorization denied by plugin x")
        != std::string::npos);
  CHECK(peer.count(force_it) == 0);
}

TEST_CASE("an error of the daemon itself is never answered with force",
          "[remote]") {
  dockerd peer;
  peer.on(look, {is("exited")});
  peer.on(remove_it, {dockerd::says(503, "daemon is shutting down")});
  docker subject{patient(peer)};
  CHECK(subject.destroy(uuid, {}).error().code
        == fault_code::docker_unavailable);
  CHECK(peer.count(force_it) == 0);
}

TEST_CASE("a dockerd that goes down under the kill is left alone", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(kill_it, {dockerd::says(500, "connection error: desc = transport")});
  docker subject{patient(peer)};
  CHECK(subject.destroy(uuid, {}).error().code
        == fault_code::docker_unavailable);
  CHECK(peer.count("DELETE") == 0);
}

TEST_CASE("a container dockerd cannot describe is removed by its name",
          "[remote]") {
  dockerd peer;
  peer.on(look, {dockerd::says(500, "RWLayer of container x is unexpectedly "
                                    "nil")});
  peer.on("DELETE /v1.41/containers/" + uuid + "?v=1", {dockerd::answers(204)});
  docker subject{patient(peer)};
  CHECK(subject.destroy(uuid, {}));

  SECTION("but not when the name may be the beginning of an id") {
    peer.on("GET /v1.41/containers/cafe/json", {dockerd::says(500, "nil")});
    CHECK(subject.destroy("cafe", {}).error().code
          == fault_code::container_busy);
    CHECK(peer.count("DELETE /v1.41/containers/cafe") == 0);
  }
}

TEST_CASE("a stop ends a removal at once", "[remote]") {
  dockerd peer;
  std::string last;
  SECTION("while dockerd says nothing") {
    peer.on(look, {is("exited")});
    peer.on(remove_it, {dockerd::hangs()});
    last = remove_it;
  }
  SECTION("between two looks") {
    peer.on(look, {is("exited")});
    peer.on(remove_it, {in_progress()});
    peer.on(look_again, {is("removing")});
    last = look_again;
  }
  auto settings = patient(peer);
  settings.poll = 60s;
  docker subject{settings};
  std::stop_source stop;
  auto destroying = std::async(std::launch::async, [&] {
    return subject.destroy(uuid, stop.get_token());
  });
  REQUIRE(peer.saw(last));
  const auto begin = steady_clock::now();
  stop.request_stop();
  CHECK(destroying.get().error().code == fault_code::interrupted);
  CHECK(steady_clock::now() - begin < soon);
}
