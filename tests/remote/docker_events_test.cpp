#include "remote/docker_events.hpp"
#include "remote/docker_link.hpp"
#include "remote/docker_streams.hpp"
#include "tests/doubles/console_recorder.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace alula;
using namespace alula::remote;
using doubles::event_recorder;
using namespace std::chrono_literals;
using dockerd = scripted_dockerd;
using lines = std::vector<std::string>;

namespace {

const std::string head =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";

std::string event(const std::string& what, const std::string& name) {
  return R"({"Type":"container","Action":")" + what
         + R"(","Actor":{"ID":"ab","Attributes":{"name":")" + name + "\"}}}\n";
}

dockerd::reply says_and_stays(const std::string& text) {
  return [=](dockerd::connection& to, const dockerd::request&) {
    to.send(head + text);
    to.wait(1h);
    return false;
  };
}

/// Listens, has a full queue, and accepts nobody.
class crowded_socket {
public:
  crowded_socket() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* at = reinterpret_cast<const sockaddr*>(&address);
    fds_.push_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (bind(fds_[0], at, sizeof address) != 0 || listen(fds_[0], 0) != 0)
      throw std::runtime_error{"the crowded socket cannot listen"};
    int failed = 0;
    while (failed == 0) {
      fds_.push_back(
          socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      failed = connect(fds_.back(), at, sizeof address);
    }
  }
  ~crowded_socket() {
    for (const int fd : fds_)
      close(fd);
    std::filesystem::remove_all(directory_);
  }
  crowded_socket(const crowded_socket&) = delete;
  crowded_socket& operator=(const crowded_socket&) = delete;
  std::string path() const { return directory_ + "/docker.sock"; }

private:
  static std::string make_directory() {
    char name[] = "/tmp/alula-crowded.XXXXXX";
    return mkdtemp(name) == nullptr ? std::string{} : std::string{name};
  }
  const std::string directory_ = make_directory();
  std::vector<int> fds_;
};

struct place {
  dockerd peer;
  docker_stream_settings limits;
  std::shared_ptr<event_recorder> listener = std::make_shared<event_recorder>();
  std::unique_ptr<docker_streams> streams;

  place() {
    limits.first_pause = 5ms;
    limits.longest_pause = 20ms;
    limits.ping = 1h;
    limits.ping_limit = 1s;
    peer.on("GET /_ping", {dockerd::answers(200, "OK")});
  }
  docker_streams& watch() {
    docker_settings settings;
    settings.socket = peer.socket();
    streams = std::make_unique<docker_streams>(
        std::make_shared<docker_link>(settings), limits);
    streams->watch(listener);
    return *streams;
  }
};

} // namespace

TEST_CASE("an event is read", "[remote]") {
  const auto one = read_event(event("die", "game"));
  REQUIRE(one);
  CHECK(one->what == "die");
  CHECK(one->name == "game");
  CHECK(one->id == "ab");
  for (const std::string text :
       {"", "[]", "{}", "garbage", R"({"Type":"network","Action":"x"})",
        R"({"Type":"container","Action":"die"})",
        R"({"Type":"container","Action":5,"Actor":{"ID":"a"}})",
        R"({"Type":"container","Action":"die","Actor":[]})"})
    CHECK_FALSE(read_event(text));
}

TEST_CASE("who watches is told to look, and then what happens", "[remote]") {
  place p;
  p.peer.on("GET /events", {says_and_stays(event("start", "game") + "garbage\n"
                                           + event("die", "game"))});
  p.watch();
  CHECK(p.listener->hears("die game"));
  CHECK(p.listener->events() == lines{"missed", "start game", "die game"});
}

TEST_CASE("a stream that is cut is opened again without an alarm", "[remote]") {
  place p;
  p.peer.on("GET /events", {dockerd::cuts_after(head + event("start", "a")),
                            says_and_stays(event("start", "b"))});
  p.watch();
  CHECK(p.listener->hears("start b"));
  CHECK(p.listener->events()
        == lines{"missed", "start a", "missed", "start b"});
}

TEST_CASE("an outage is told once, and its end", "[remote]") {
  place p;
  p.peer.on("GET /events",
            {dockerd::says(503, "shutting down"), dockerd::cuts_after("junk"),
             dockerd::cuts_after(""), says_and_stays("")});
  p.watch();
  CHECK(p.listener->hears("missed"));
  CHECK(p.listener->events() == lines{"away docker-unavailable", "missed"});
}

TEST_CASE("no socket at all is an outage", "[remote]") {
  place p;
  docker_settings settings;
  settings.socket = "/nonexistent/docker.sock";
  docker_streams streams{std::make_shared<docker_link>(settings), p.limits};
  streams.watch(p.listener);
  CHECK(p.listener->hears("away docker-unavailable"));
}

TEST_CASE("a dockerd that accepts nobody is an outage", "[remote]") {
  crowded_socket nobody;
  place p;
  docker_settings settings;
  settings.socket = nobody.path();
  docker_streams streams{std::make_shared<docker_link>(settings), p.limits};
  streams.watch(p.listener);
  CHECK(p.listener->hears("away docker-unavailable"));
}

TEST_CASE("a dockerd that hangs behind a silent stream is found out",
          "[remote]") {
  place p;
  p.limits.ping = 5ms;
  p.peer.on("GET /events", {says_and_stays("")});
  p.peer.on("GET /_ping",
            {dockerd::hangs(), dockerd::hangs(), dockerd::answers(200, "OK")});
  p.watch();
  CHECK(p.listener->hears("missed", 2));
  CHECK(p.listener->events()
        == lines{"missed", "away docker-unavailable", "missed"});
}

TEST_CASE("an event without an end breaks the stream, not the node",
          "[remote]") {
  place p;
  p.peer.on("GET /events",
            {dockerd::floods(head, std::string(4'096, 'x'), 4 << 20),
             says_and_stays(event("start", "game"))});
  p.watch();
  CHECK(p.listener->hears("start game"));
}

TEST_CASE("a stream that ends in an event too long is opened again once",
          "[remote]") {
  place p;
  const std::string too_long((std::size_t{1} << 20) + 1, 'x');
  const auto whole = "HTTP/1.1 200 OK\r\nContent-Length: "
                     + std::to_string(too_long.size()) + "\r\n\r\n" + too_long;
  // A second stream, opened beside the first, would speak before it.
  p.peer.on("GET /events",
            {dockerd::cuts_after(whole),
             [](dockerd::connection& to, const dockerd::request&) {
               to.wait(200ms);
               to.send(head + event("start", "first"));
               to.wait(1h);
               return false;
             },
             says_and_stays(event("start", "second"))});
  p.watch();
  CHECK(p.listener->hears("start first"));
  const auto events = p.listener->events();
  CHECK(std::count(events.begin(), events.end(), "start second") == 0);
}

TEST_CASE("a listener that is far behind looks at all instead", "[remote]") {
  const auto listener = std::make_shared<event_recorder>();
  event_box box{listener};
  for (int i = 0; i < 5'000; ++i)
    box.put({"game", "ab", "start"});
  while (box.hand_on()) {
  }
  const auto events = listener->events();
  CHECK(events.size() < 4'097);
  CHECK(events.front() == "missed");
}

TEST_CASE("who stopped watching an outage hears no more of it", "[remote]") {
  place p;
  p.peer.on("GET /events", {dockerd::says(503, "shutting down")});
  auto& streams = p.watch();
  CHECK(p.listener->hears("away docker-unavailable"));
  streams.stop_watching();
  p.peer.on("GET /events", {says_and_stays("")});
  const auto second = std::make_shared<event_recorder>();
  streams.watch(second);
  CHECK(second->hears("missed"));
  CHECK(p.listener->events() == lines{"away docker-unavailable"});
}
