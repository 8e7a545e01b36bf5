#include "jobs/measures.hpp"
#include "tests/remote/one_container.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <stop_token>
#include <sys/stat.h>

using namespace alula::remote;
using namespace alula::remote::one_container;
using alula::jobs::fault_code;
using std::chrono::steady_clock;

// -- looking -----------------------------------------------------------------

TEST_CASE("inspect finds a container by its name and by its id", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(look_again, {is("running", true)});
  docker subject{patient(peer)};
  for (const auto& name : {uuid, id}) {
    const auto found = subject.inspect(name);
    REQUIRE(found);
    REQUIRE(*found);
    CHECK((*found)->id == id);
    CHECK((*found)->name == uuid);
    CHECK((*found)->running);
  }
}

TEST_CASE("a container that is not there is nothing", "[remote]") {
  dockerd peer;
  peer.on(look, {is_gone()});
  docker subject{patient(peer)};
  const auto found = subject.inspect(uuid);
  REQUIRE(found);
  CHECK_FALSE(*found);
}

TEST_CASE("the beginning of somebody's id is not our container", "[remote]") {
  dockerd peer;
  peer.on("GET /v1.41/containers/aaaa/json", {is("running", true)});
  docker subject{patient(peer)};
  CHECK_FALSE(*subject.inspect("aaaa"));
  CHECK(subject.destroy("aaaa", {}));
  CHECK(peer.count("DELETE") == 0);
  CHECK(peer.count("POST") == 0);
}

TEST_CASE("calls that Docker fails are counted, and no others", "[remote]") {
  int failures = 0;
  alula::jobs::set_measure_sink(
      [&](alula::jobs::measure what, double, std::string_view label) {
        if (what == alula::jobs::measure::docker_failure && label == "GET")
          ++failures;
      });
  dockerd peer;
  docker subject{patient(peer)};
  peer.on(look, {dockerd::says(500, "no space left on device")});
  CHECK_FALSE(subject.inspect(uuid));
  CHECK(failures == 1);
  peer.on(look, {dockerd::cuts_after("")});
  CHECK_FALSE(subject.inspect(uuid));
  CHECK(failures == 2);
  peer.on(look, {is_gone()});
  CHECK(subject.inspect(uuid));
  CHECK(failures == 2);
  alula::jobs::set_measure_sink(nullptr);
}

TEST_CASE("a 404 of something that is not dockerd is no container gone",
          "[remote]") {
  dockerd peer;
  docker subject{patient(peer)};
  CHECK(subject.inspect(uuid).error().code == fault_code::docker_refused);
  CHECK(subject.destroy(uuid, {}).error().code == fault_code::docker_refused);
}

TEST_CASE("text that is no name never reaches dockerd", "[remote]") {
  dockerd peer;
  docker subject{patient(peer)};
  for (const std::string name : {"", ".", "..", "../images", "a/b", "a b",
                                 "a?force=1", "-a", "a\n", "a%2f"}) {
    INFO(name);
    CHECK(subject.inspect(name).error().code == fault_code::docker_refused);
    CHECK(subject.destroy(name, {}).error().code == fault_code::docker_refused);
  }
  CHECK(peer.connections() == 0);
}

TEST_CASE("all containers are listed in one call", "[remote]") {
  dockerd peer;
  peer.on("GET /v1.41/containers/json?all=1",
          {dockerd::answers(200, R"([{"Id":"a","Names":["/x"],
            "State":"running"},{"Id":"b","Names":["/y"],"State":"dead"}])")});
  docker subject{patient(peer)};
  const auto all = subject.list({});
  REQUIRE(all);
  REQUIRE(all->size() == 2);
  CHECK(all->at(0).running);
  CHECK(all->at(1).status == "dead");
  CHECK(peer.journal() == lines{"GET /v1.41/containers/json?all=1"});
}

TEST_CASE("labels are asked for in encoded JSON and checked again",
          "[remote]") {
  dockerd peer;
  peer.on("GET /v1.41/containers/json", {dockerd::answers(200, R"([
            {"Id":"ours","Labels":{"alula.server":"a \"b\"&c"}},
            {"Id":"foreign","Labels":{"alula.server":"other"}}])")});
  docker subject{patient(peer)};
  const auto found = subject.find_by_label("alula.server=a \"b\"&c", {});
  REQUIRE(found);
  CHECK(*found == lines{"ours"});
  CHECK(peer.journal()
        == lines{"GET /v1.41/containers/json?all=1&filters=%7B%22label%22%3A%5B"
                 "%22alula.server%3Da%20%5C%22b%5C%22%26c%22%5D%7D"});
  CHECK_FALSE(subject.find_by_label("", {}));
  CHECK_FALSE(subject.find_by_label("=x", {}));
}

// -- a dockerd that is away, hung or mad -------------------------------------

TEST_CASE("a dockerd that is away is unavailable, with the socket's name",
          "[remote]") {
  docker_settings settings;
  std::string word;
  {
    dockerd peer;
    settings = patient(peer);
  }
  SECTION("no file") {
    word = "there is no Docker socket";
  }
  SECTION("a file that is no socket") {
    settings.socket = "/dev/null";
    word = "cannot be reached";
  }
  docker subject{settings};
  for (const auto& fault :
       {subject.inspect(uuid).error(), subject.destroy(uuid, {}).error(),
        subject.find_by_label("a=b", {}).error(), subject.list({}).error()}) {
    CHECK(fault.code == fault_code::docker_unavailable);
    CHECK(fault.what.find(settings.socket) != std::string::npos);
    INFO(fault.what);
    CHECK((word == "cannot be reached"
           || fault.what.find(word) != std::string::npos));
  }
  CHECK(subject.unresponsive().empty());
}

TEST_CASE("a socket of others is unavailable: permission denied", "[remote]") {
  if (geteuid() != 0) {
    WARN("skipped: only root can become somebody without the right");
    return;
  }
  dockerd peer;
  REQUIRE(chmod(peer.socket().c_str(), 0600) == 0);
  docker subject{patient(peer)};
  REQUIRE(seteuid(65'534) == 0);
  const auto found = subject.inspect(uuid);
  REQUIRE(seteuid(0) == 0);
  CHECK(found.error().code == fault_code::docker_unavailable);
  CHECK(found.error().what.find("permission denied") != std::string::npos);
}

TEST_CASE("every call ends when dockerd says nothing", "[remote]") {
  dockerd peer;
  peer.on("GET", {dockerd::hangs()});
  docker subject{quick(peer)};
  const auto begin = steady_clock::now();
  for (const auto& fault :
       {subject.inspect(uuid).error(), subject.destroy(uuid, {}).error(),
        subject.find_by_label("a=b", {}).error(), subject.list({}).error()}) {
    CHECK(fault.code == fault_code::docker_unavailable);
    CHECK(fault.what.find(peer.socket()) != std::string::npos);
  }
  CHECK(steady_clock::now() - begin < soon);
}

TEST_CASE("a stop ends a list that dockerd does not answer", "[remote]") {
  dockerd peer;
  const std::string list_all = "GET /v1.41/containers/json?all=1";
  peer.on(list_all, {dockerd::hangs()});
  docker subject{patient(peer)};
  std::stop_source stop;
  auto listing = std::async(std::launch::async,
                            [&] { return subject.list(stop.get_token()); });
  REQUIRE(peer.saw(list_all));
  const auto begin = steady_clock::now();
  stop.request_stop();
  CHECK(listing.get().error().code == fault_code::interrupted);
  CHECK(steady_clock::now() - begin < soon);
}

TEST_CASE("a removal without an answer ends at its limit", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(look_again, {is("running", true)});
  SECTION("in the kill") {
    peer.on(kill_it, {dockerd::hangs()});
  }
  SECTION("in the removal") {
    peer.on(look, {is("exited")});
    peer.on(remove_it, {dockerd::hangs()});
  }
  SECTION("by drops") {
    peer.on(kill_it, {dockerd::drips(dockerd::head(200, 100'000), 30ms)});
  }
  docker subject{quick(peer)};
  const auto begin = steady_clock::now();
  CHECK(subject.destroy(uuid, {}).error().code
        == fault_code::docker_unavailable);
  CHECK(steady_clock::now() - begin < soon);
}

TEST_CASE("nonsense on the socket is unavailable, not a crash", "[remote]") {
  dockerd peer;
  SECTION("not HTTP") {
    peer.on("GET", {dockerd::cuts_after("\x15\x03\x01\x02 nonsense\r\n\r\n")});
  }
  SECTION("not JSON") {
    peer.on("GET", {dockerd::answers(200, "<html>")});
  }
  SECTION("other JSON") {
    peer.on("GET", {dockerd::answers(200, "{}")});
  }
  SECTION("half an answer") {
    peer.on("GET", {dockerd::cuts_after(dockerd::head(200, 100) + "{\"Id")});
  }
  SECTION("100 MB") {
    peer.on("GET", {dockerd::floods(dockerd::head(200, 100'000'000),
                                    std::string(65'536, '['), 100'000'000)});
  }
  auto settings = patient(peer);
  settings.max_list_bytes = 1 << 20;
  docker subject{settings};
  CHECK(subject.inspect(uuid).error().code == fault_code::docker_unavailable);
  CHECK(subject.destroy(uuid, {}).error().code
        == fault_code::docker_unavailable);
  CHECK(subject.list({}).error().code == fault_code::docker_unavailable);
  CHECK(peer.count("DELETE") == 0);
  CHECK(peer.bytes_sent() < 50'000'000);
}

// -- API versions ------------------------------------------------------------

TEST_CASE("a daemon that does not speak 1.41 is asked what it speaks",
          "[remote]") {
  dockerd peer;
  std::string refusal;
  std::string versions;
  std::string chosen;
  SECTION("a newer one") {
    refusal = "client version 1.41 is too old. Minimum supported API version "
              "is 1.44, please upgrade your client to a newer version";
    versions = R"({"ApiVersion":"1.52","MinAPIVersion":"1.44"})";
    chosen = "/v1.44";
  }
  SECTION("an older one") {
    refusal = "client version 1.41 is too new. Maximum supported API version "
              "is 1.40";
    versions = R"({"ApiVersion":"1.40","MinAPIVersion":"1.12"})";
    chosen = "/v1.40";
  }
  SECTION("one that does not tell") {
    refusal = "client version 1.41 is too new";
    versions = "[]";
    chosen = "";
  }
  peer.on("GET /v1.41/", {dockerd::says(400, refusal)});
  peer.on("GET /version", {dockerd::answers(200, versions)});
  const auto now = "GET " + chosen + "/containers/" + uuid + "/json";
  peer.on(now, {is("exited")});
  docker subject{patient(peer)};
  REQUIRE(subject.inspect(uuid));
  REQUIRE(*subject.inspect(uuid));
  CHECK(peer.journal() == lines{look, "GET /version", now, now});
}

TEST_CASE("a version refused for good is docker_refused", "[remote]") {
  dockerd peer;
  peer.on("GET /v1.41/",
          {dockerd::says(400, "client version 1.41 is too old")});
  peer.on("GET /version", {dockerd::answers(200, R"({"ApiVersion":"1.41"})")});
  docker subject{patient(peer)};
  CHECK(subject.inspect(uuid).error().code == fault_code::docker_refused);
}

// -- hung containers ---------------------------------------------------------

TEST_CASE("a hung container costs one worker, and the others nothing",
          "[remote]") {
  dockerd peer;
  peer.on(look, {dockerd::hangs()});
  const std::string healthy = "0d9a2a36-9c7c-4c3e-8a55-6d1c93a2f111";
  peer.on("GET /v1.41/containers/" + healthy, {is_gone()});
  auto settings = patient(peer);
  settings.inspect = 3s;
  settings.circuit.patience = 50ms;
  settings.circuit.first_pause = settings.circuit.longest_pause = 1h;
  docker subject{settings};

  auto hanging =
      std::async(std::launch::async, [&] { return subject.inspect(uuid); });
  REQUIRE(peer.saw(look));
  CHECK(subject.destroy(uuid, {}).error().code == fault_code::container_busy);
  CHECK(subject.inspect(uuid).error().code == fault_code::container_busy);
  CHECK(subject.destroy(healthy, {}));
  CHECK(hanging.wait_for(0s) == std::future_status::timeout);
  CHECK(peer.count(look) == 1);

  CHECK(hanging.get().error().code == fault_code::docker_unavailable);
  CHECK(subject.unresponsive() == lines{uuid});
  REQUIRE(subject.silence_of(uuid));
  CHECK(subject.silence_of(uuid)->why.find("the last call about")
        != std::string::npos);
  CHECK_FALSE(subject.silence_of(healthy));
  CHECK(subject.destroy(uuid, {}).error().code
        == fault_code::docker_unavailable);
  CHECK(peer.count(look) == 1);
  CHECK(subject.destroy(healthy, {}));
}

// -- settings ----------------------------------------------------------------

TEST_CASE("a Docker host is a unix socket", "[remote]") {
  CHECK(*socket_of("unix:///run/docker.sock") == "/run/docker.sock");
  CHECK(*socket_of("/run/docker.sock") == "/run/docker.sock");
  CHECK_FALSE(socket_of("tcp://127.0.0.1:2375"));
  CHECK_FALSE(socket_of("unix://docker.sock"));
  CHECK_FALSE(socket_of(""));
}
