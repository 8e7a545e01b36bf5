#include "tests/remote/one_container.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <utility>

using namespace alula::remote;
using namespace alula::remote::one_container;
using alula::jobs::fault_code;
using std::chrono::steady_clock;

namespace {

const std::string post = "POST /v1.41/containers/" + id;
const std::string interrupt_it = kill_it + "?signal=SIGINT";
const std::string end_it = kill_it + "?signal=KILL";
const std::string await_it = post + "/wait?condition=not-running";

/// And without the wait, which is asked for beside the looks.
lines orders_and_looks(lines journal) {
  std::erase(journal, await_it);
  return without_repeats(std::move(journal));
}

} // namespace

TEST_CASE("what is missing or down is stopped already", "[remote]") {
  dockerd peer;
  SECTION("missing") {
    peer.on(look, {is_gone()});
  }
  SECTION("exited") {
    peer.on(look, {is("exited")});
  }
  SECTION("on its way out") {
    peer.on(look, {is("removing")});
  }
  docker subject{patient(peer)};
  CHECK(subject.stop(uuid, "SIGINT", 1h, {}));
  CHECK(peer.journal() == lines{look});
}

TEST_CASE("a container is asked, awaited, and not killed", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(interrupt_it, {dockerd::answers(204)});
  SECTION("and ends") {
    peer.on(look_again,
            {is("running", true), is("running", true), is("exited")});
  }
  SECTION("and is removed by dockerd, as with --rm") {
    peer.on(look_again, {is("running", true), is_gone()});
  }
  SECTION("when it had ended by itself") {
    peer.on(interrupt_it, {dockerd::says(409, "Container x is not running")});
    peer.on(look_again, {is("exited")});
  }
  SECTION("when it was gone by itself") {
    peer.on(interrupt_it, {is_gone()});
    peer.on(look_again, {is_gone()});
  }
  docker subject{patient(peer)};
  CHECK(subject.stop(uuid, "SIGINT", 1h, {}));
  CHECK(orders_and_looks(peer.journal())
        == lines{look, interrupt_it, look_again});
}

TEST_CASE("without a signal the image's own is sent, SIGTERM when it has none",
          "[remote]") {
  dockerd peer;
  std::string signal;
  SECTION("its own") {
    signal = "SIGRTMIN+3";
    peer.on(look_again, {is("running", true, signal), is("exited")});
  }
  SECTION("none") {
    peer.on(look_again, {is("running", true), is("exited")});
  }
  peer.on(look, {is("running", true)});
  peer.on(post + "/kill", {dockerd::answers(204)});
  docker subject{patient(peer)};
  CHECK(subject.stop(uuid, "", 1h, {}));
  const auto sent = signal.empty() ? "SIGTERM" : "SIGRTMIN%2B3";
  CHECK(peer.count(post + "/kill?signal=" + sent) == 1);
  CHECK(peer.count("POST") == 1);
}

TEST_CASE("after its grace a container is killed", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(interrupt_it, {dockerd::answers(204)});
  peer.on(look_again, {is("running", true)});
  peer.on(end_it, {[&peer](auto& to, const auto& what) {
            peer.on(look_again, {is("exited")});
            return dockerd::answers(204)(to, what);
          }});
  const auto begin = steady_clock::now();
  docker subject{patient(peer)};
  SECTION("at once when it has none") {
    CHECK(subject.stop(uuid, "SIGINT", 0ms, {}));
  }
  SECTION("and not before") {
    CHECK(subject.stop(uuid, "SIGINT", 300ms, {}));
    CHECK(steady_clock::now() - begin >= 300ms);
  }
  CHECK(orders_and_looks(peer.journal())
        == lines{look, interrupt_it, look_again, end_it, look_again});
}

TEST_CASE("a container between two runs is not down", "[remote]") {
  dockerd peer;
  peer.on(look, {is("restarting", false)});
  peer.on(interrupt_it, {dockerd::answers(204)});
  peer.on(look_again, {is("restarting", false), is("exited")});
  docker subject{patient(peer)};
  CHECK(subject.stop(uuid, "SIGINT", 1h, {}));
  CHECK(peer.count(interrupt_it) == 1);
}

TEST_CASE("a paused container is thawed, or it could not obey", "[remote]") {
  dockerd peer;
  peer.on(look, {is("paused", true)});
  peer.on(look_again, {is("exited")});
  peer.on(post + "/unpause", {dockerd::answers(204)});
  std::size_t signals = 1;
  SECTION("after it got the signal") {
    peer.on(interrupt_it, {dockerd::answers(204)});
  }
  SECTION("before it, where dockerd wants that") {
    peer.on(interrupt_it, {dockerd::says(409, "Container x is paused. Unpause "
                                              "the container first"),
                           dockerd::answers(204)});
    signals = 2;
  }
  docker subject{patient(peer)};
  CHECK(subject.stop(uuid, "SIGINT", 1h, {}));
  CHECK(peer.count(interrupt_it) == signals);
  CHECK(peer.count(post + "/unpause") == 1);
}

TEST_CASE("what survives its kill is container_busy in time", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(look_again, {is("running", true)});
  peer.on(post + "/kill", {dockerd::says(500, "permission denied")});
  docker subject{patient(peer, 400ms)};
  const auto begin = steady_clock::now();
  const auto stopped = subject.stop(uuid, "SIGINT", 50ms, {});
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == fault_code::container_busy);
  CHECK(stopped.error().what.find("permission denied") != std::string::npos);
  CHECK(steady_clock::now() - begin < soon);
  CHECK(peer.count(end_it) == 1);
}

TEST_CASE("a final no to the signal is passed on", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  auto code = fault_code::docker_refused;
  SECTION("a signal it does not know") {
    peer.on(post + "/kill", {dockerd::says(400, "Invalid signal: SIGINT")});
  }
  SECTION("a dockerd that goes down") {
    peer.on(post + "/kill", {dockerd::says(503, "daemon is shutting down")});
    code = fault_code::docker_unavailable;
  }
  docker subject{patient(peer)};
  CHECK(subject.stop(uuid, "SIGINT", 1h, {}).error().code == code);
  CHECK(peer.count(end_it) == 0);
}

TEST_CASE("a stop ends at its limits when dockerd hangs", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(interrupt_it, {dockerd::answers(204)});
  peer.on(look_again, {is("running", true)});
  SECTION("at the first look") {
    peer.on(look, {dockerd::hangs()});
  }
  SECTION("at the signal") {
    peer.on(interrupt_it, {dockerd::hangs()});
  }
  SECTION("while it is awaited") {
    peer.on(look_again, {dockerd::hangs()});
  }
  SECTION("at the kill") {
    peer.on(end_it, {dockerd::hangs()});
  }
  docker subject{patient(peer, 400ms)};
  const auto begin = steady_clock::now();
  CHECK(subject.stop(uuid, "SIGINT", 50ms, {}).error().code
        == fault_code::docker_unavailable);
  CHECK(steady_clock::now() - begin < soon);
  CHECK(subject.unresponsive() == lines{uuid});
}

TEST_CASE("a stop request ends the wait for a container at once", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(interrupt_it, {dockerd::answers(204)});
  peer.on(look_again, {is("running", true)});
  auto settings = patient(peer);
  settings.poll = 60s;
  docker subject{settings};
  std::stop_source stop;
  auto stopping = std::async(std::launch::async, [&] {
    return subject.stop(uuid, "SIGINT", 1h, stop.get_token());
  });
  REQUIRE(peer.saw(look_again));
  const auto begin = steady_clock::now();
  stop.request_stop();
  CHECK(stopping.get().error().code == fault_code::interrupted);
  CHECK(steady_clock::now() - begin < soon);
  CHECK(peer.count(end_it) == 0);
}

TEST_CASE("Docker's own word of an end ends the wait for a container",
          "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(interrupt_it, {dockerd::answers(204)});
  peer.on(look_again, {is("running", true)});
  peer.on(await_it, {[&peer](auto& to, const auto& what) {
            to.wait(1h);
            peer.on(look_again, {is("exited")});
            return dockerd::answers(200, R"({"StatusCode":0})")(to, what);
          }});
  auto settings = patient(peer);
  settings.poll = 1h; // pauses that double from 20 ms on
  docker subject{settings};
  auto stopping = std::async(
      std::launch::async, [&] { return subject.stop(uuid, "SIGINT", 1h, {}); });
  REQUIRE(peer.saw(await_it));
  // Once, whatever the number of looks.
  REQUIRE(peer.saw(look_again, 4));
  CHECK(peer.count(await_it) == 1);
  peer.let_go();
  CHECK(stopping.get());
  CHECK(peer.count(end_it) == 0);
}

TEST_CASE("a wait that Docker breaks off or refuses ends no ladder",
          "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(interrupt_it, {dockerd::answers(204)});
  peer.on(look_again, {is("running", true), is("running", true),
                       is("running", true), is("exited")});
  SECTION("it is cut") {
    peer.on(await_it, {dockerd::cuts_after("HTTP/1.1 200 OK\r\n\r\n{")});
  }
  SECTION("it is not known") {
    peer.on(await_it, {dockerd::says(404, "page not found")});
  }
  SECTION("it is an error") {
    peer.on(await_it, {dockerd::says(500, "no")});
  }
  SECTION("it hangs") {
    peer.on(await_it, {dockerd::hangs()});
  }
  docker subject{patient(peer)};
  CHECK(subject.stop(uuid, "SIGINT", 1h, {}));
  CHECK(peer.count(end_it) == 0);
}

TEST_CASE("others may look at a container while it is being stopped",
          "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(interrupt_it, {dockerd::answers(204)});
  peer.on(look_again, {is("running", true)});
  auto settings = patient(peer);
  settings.circuit.patience = 50ms;
  docker subject{settings};
  std::stop_source stop;
  auto stopping = std::async(std::launch::async, [&] {
    return subject.stop(uuid, "SIGINT", 1h, stop.get_token());
  });
  REQUIRE(peer.saw(look_again, 10)); // older than the patience by now
  CHECK(subject.inspect(uuid));
  stop.request_stop();
  CHECK_FALSE(stopping.get());
}

TEST_CASE("a container is started by its id", "[remote]") {
  dockerd peer;
  peer.on(look, {is("exited")});
  SECTION("204") {
    peer.on(post + "/start", {dockerd::answers(204)});
  }
  SECTION("304: it runs already") {
    peer.on(post + "/start", {dockerd::answers(304)});
  }
  docker subject{patient(peer)};
  CHECK(subject.start(uuid));
  CHECK(peer.journal() == lines{look, post + "/start"});
}

TEST_CASE("a start that fails says why", "[remote]") {
  dockerd peer;
  peer.on(look, {is("exited")});
  auto code = fault_code::docker_refused;
  SECTION("missing") {
    peer.on(look, {is_gone()});
  }
  SECTION("missing by now") {
    peer.on(post + "/start", {is_gone()});
  }
  SECTION("somebody's id begins so") {
    peer.on("GET /v1.41/containers/aaaa/json", {is("exited")});
    docker subject{patient(peer, 400ms)};
    CHECK(subject.start("aaaa").error().code == code);
    CHECK(peer.count("POST") == 0);
    return;
  }
  SECTION("its port is taken") {
    peer.on(post + "/start", {dockerd::says(500, "driver failed programming "
                                                 "external connectivity")});
  }
  SECTION("its mount is busy for a moment") {
    peer.on(post + "/start",
            {dockerd::says(500, "mount /x: device or resource busy")});
    code = fault_code::container_busy;
  }
  SECTION("a dockerd that hangs") {
    peer.on(post + "/start", {dockerd::hangs()});
    code = fault_code::docker_unavailable;
  }
  docker subject{patient(peer, 400ms)};
  const auto begin = steady_clock::now();
  CHECK(subject.start(uuid).error().code == code);
  CHECK(steady_clock::now() - begin < soon);
}

TEST_CASE("text that is no name is neither stopped nor started", "[remote]") {
  dockerd peer;
  docker subject{patient(peer)};
  for (const std::string name : {"", "..", "a/b", "a?force=1"}) {
    INFO(name);
    CHECK(subject.stop(name, "", 0ms, {}).error().code
          == fault_code::docker_refused);
    CHECK(subject.start(name).error().code == fault_code::docker_refused);
  }
  CHECK(peer.connections() == 0);
}
