#include "remote/docker.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <sys/stat.h>

using namespace alula::remote;
using alula::jobs::fault_code;
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using dockerd = scripted_dockerd;
using lines = std::vector<std::string>;

namespace {

const std::string uuid = "8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d";
const std::string id(64, 'a');
const std::string look = "GET /v1.41/containers/" + uuid + "/json";
const std::string look_again = "GET /v1.41/containers/" + id + "/json";
const std::string kill_it = "POST /v1.41/containers/" + id + "/kill";
const std::string remove_it = "DELETE /v1.41/containers/" + id + "?v=1";
const std::string force_it = remove_it + "&force=1";

dockerd::reply is(const std::string& state, bool running = false) {
  return dockerd::answers(200, R"({"Id":")" + id + R"(","Name":"/)" + uuid
                                   + R"(","State":{"Status":")" + state
                                   + R"(","Running":)"
                                   + (running ? "true" : "false") + "}}");
}

dockerd::reply is_gone() {
  return dockerd::says(404, "No such container: " + uuid);
}

dockerd::reply in_progress() {
  return dockerd::says(409, "removal of container x is already in progress");
}

/// Limits a test can wait for; circuits that stay out of the way.
docker_settings quick(const dockerd& peer) {
  docker_settings settings;
  settings.socket = peer.socket();
  settings.inspect = 400ms;
  settings.list = 400ms;
  settings.kill = 400ms;
  settings.removal = 1'500ms;
  settings.poll = 40ms;
  settings.circuit.first_pause = 0ms;
  settings.circuit.longest_pause = 0ms;
  return settings;
}

lines without_repeats(lines journal) {
  journal.erase(std::unique(journal.begin(), journal.end()), journal.end());
  return journal;
}

} // namespace

// -- looking -----------------------------------------------------------------

TEST_CASE("inspect finds a container by its name and by its id", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(look_again, {is("running", true)});
  docker subject{quick(peer)};
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
  docker subject{quick(peer)};
  const auto found = subject.inspect(uuid);
  REQUIRE(found);
  CHECK_FALSE(*found);
}

TEST_CASE("the beginning of somebody's id is not our container", "[remote]") {
  dockerd peer;
  peer.on("GET /v1.41/containers/aaaa/json", {is("running", true)});
  docker subject{quick(peer)};
  CHECK_FALSE(*subject.inspect("aaaa"));
  CHECK(subject.destroy("aaaa", {}));
  CHECK(peer.count("DELETE") == 0);
  CHECK(peer.count("POST") == 0);
}

TEST_CASE("a 404 of something that is not dockerd is no container gone",
          "[remote]") {
  dockerd peer;
  docker subject{quick(peer)};
  CHECK(subject.inspect(uuid).error().code == fault_code::docker_refused);
  CHECK(subject.destroy(uuid, {}).error().code == fault_code::docker_refused);
}

TEST_CASE("text that is no name never reaches dockerd", "[remote]") {
  dockerd peer;
  docker subject{quick(peer)};
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
  docker subject{quick(peer)};
  const auto all = subject.list();
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
  docker subject{quick(peer)};
  const auto found = subject.find_by_label("alula.server=a \"b\"&c");
  REQUIRE(found);
  CHECK(*found == lines{"ours"});
  CHECK(peer.journal()
        == lines{"GET /v1.41/containers/json?all=1&filters=%7B%22label%22%3A%5B"
                 "%22alula.server%3Da%20%5C%22b%5C%22%26c%22%5D%7D"});
  CHECK_FALSE(subject.find_by_label(""));
  CHECK_FALSE(subject.find_by_label("=x"));
}

// -- removing ----------------------------------------------------------------

TEST_CASE("a missing container is destroyed already", "[remote]") {
  dockerd peer;
  peer.on(look, {is_gone()});
  docker subject{quick(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(peer.journal() == lines{look});
}

TEST_CASE("a stopped container is removed plainly, by its id", "[remote]") {
  dockerd peer;
  peer.on(look, {is("exited")});
  peer.on(remove_it, {dockerd::answers(204)});
  docker subject{quick(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(peer.journal() == lines{look, remove_it});
}

TEST_CASE("a running container is killed and awaited first", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(kill_it, {dockerd::answers(204)});
  peer.on(look_again, {is("running", true), is("running", true), is("exited")});
  peer.on(remove_it, {dockerd::answers(204)});
  docker subject{quick(peer)};
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
  docker subject{quick(peer)};
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
  docker subject{quick(peer)};
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
  docker subject{quick(peer)};
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
  docker subject{quick(peer)};
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
  CHECK(steady_clock::now() - begin < 3s);
  CHECK(peer.count(force_it) == 0);
}

TEST_CASE("when the other remover gave up, this one takes over", "[remote]") {
  dockerd peer;
  peer.on(look, {is("exited")});
  peer.on(remove_it, {in_progress(), dockerd::answers(204)});
  peer.on(look_again, {is("removing"), is("dead")});
  docker subject{quick(peer)};
  CHECK(subject.destroy(uuid, {}));
  CHECK(peer.count(remove_it) == 2);
  CHECK(peer.count(force_it) == 0);
}

TEST_CASE("a final no of dockerd is passed on in its words", "[remote]") {
  dockerd peer;
  peer.on(look, {is("exited")});
  peer.on(remove_it, {dockerd::says(403, "authorization denied by plugin x")});
  docker subject{quick(peer)};
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
  docker subject{quick(peer)};
  CHECK(subject.destroy(uuid, {}).error().code
        == fault_code::docker_unavailable);
  CHECK(peer.count(force_it) == 0);
}

TEST_CASE("a dockerd that goes down under the kill is left alone", "[remote]") {
  dockerd peer;
  peer.on(look, {is("running", true)});
  peer.on(kill_it, {dockerd::says(500, "connection error: desc = transport")});
  docker subject{quick(peer)};
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
  docker subject{quick(peer)};
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
  auto settings = quick(peer);
  settings.removal = 60s;
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
  CHECK(steady_clock::now() - begin < 500ms);
}

// -- a dockerd that is away, hung or mad -------------------------------------

TEST_CASE("a dockerd that is away is unavailable, with the socket's name",
          "[remote]") {
  docker_settings settings;
  std::string word;
  {
    dockerd peer;
    settings = quick(peer);
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
        subject.find_by_label("a=b").error(), subject.list().error()}) {
    CHECK(fault.code == fault_code::docker_unavailable);
    CHECK(fault.what.find(settings.socket) != std::string::npos);
    INFO(fault.what);
    CHECK((word == "cannot be reached"
           || fault.what.find(word) != std::string::npos));
  }
  CHECK(subject.unresponsive().empty());
}

TEST_CASE("a socket of others is unavailable: permission denied", "[remote]") {
  if (geteuid() != 0)
    return; // only root can become somebody without the right
  dockerd peer;
  REQUIRE(chmod(peer.socket().c_str(), 0600) == 0);
  docker subject{quick(peer)};
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
        subject.find_by_label("a=b").error(), subject.list().error()}) {
    CHECK(fault.code == fault_code::docker_unavailable);
    CHECK(fault.what.find(peer.socket()) != std::string::npos);
  }
  CHECK(steady_clock::now() - begin < 4s);
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
    peer.on(kill_it, {dockerd::drips(dockerd::head(200, 1'000), 30ms)});
  }
  docker subject{quick(peer)};
  const auto begin = steady_clock::now();
  CHECK(subject.destroy(uuid, {}).error().code
        == fault_code::docker_unavailable);
  CHECK(steady_clock::now() - begin < 3s);
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
  auto settings = quick(peer);
  settings.max_list_bytes = 1 << 20;
  settings.inspect = settings.list = 10s;
  docker subject{settings};
  CHECK(subject.inspect(uuid).error().code == fault_code::docker_unavailable);
  CHECK(subject.destroy(uuid, {}).error().code
        == fault_code::docker_unavailable);
  CHECK(subject.list().error().code == fault_code::docker_unavailable);
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
  docker subject{quick(peer)};
  REQUIRE(subject.inspect(uuid));
  REQUIRE(*subject.inspect(uuid));
  CHECK(peer.journal() == lines{look, "GET /version", now, now});
}

TEST_CASE("a version refused for good is docker_refused", "[remote]") {
  dockerd peer;
  peer.on("GET /v1.41/",
          {dockerd::says(400, "client version 1.41 is too old")});
  peer.on("GET /version", {dockerd::answers(200, R"({"ApiVersion":"1.41"})")});
  docker subject{quick(peer)};
  CHECK(subject.inspect(uuid).error().code == fault_code::docker_refused);
}

// -- hung containers ---------------------------------------------------------

TEST_CASE("a hung container costs one worker, and the others nothing",
          "[remote]") {
  dockerd peer;
  peer.on(look, {dockerd::hangs()});
  const std::string healthy = "0d9a2a36-9c7c-4c3e-8a55-6d1c93a2f111";
  peer.on("GET /v1.41/containers/" + healthy, {is_gone()});
  auto settings = quick(peer);
  settings.inspect = 2s;
  settings.circuit.patience = 50ms;
  settings.circuit.first_pause = settings.circuit.longest_pause = 1h;
  docker subject{settings};

  auto hanging =
      std::async(std::launch::async, [&] { return subject.inspect(uuid); });
  REQUIRE(peer.saw(look));
  const auto begin = steady_clock::now();
  CHECK(subject.destroy(uuid, {}).error().code == fault_code::container_busy);
  CHECK(subject.inspect(uuid).error().code == fault_code::container_busy);
  CHECK(subject.destroy(healthy, {}));
  CHECK(steady_clock::now() - begin < 1s);
  CHECK(peer.count(look) == 1);

  CHECK(hanging.get().error().code == fault_code::docker_unavailable);
  CHECK(subject.unresponsive() == lines{uuid});
  const auto after = steady_clock::now();
  CHECK(subject.destroy(uuid, {}).error().code
        == fault_code::docker_unavailable);
  CHECK(steady_clock::now() - after < 500ms);
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
