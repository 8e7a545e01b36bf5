#include "remote/docker_link.hpp"
#include "remote/docker_streams.hpp"
#include "tests/doubles/console_recorder.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <catch2/catch.hpp>

#include <future>

using namespace alula;
using namespace alula::remote;
using doubles::console_recorder;
using jobs::fault_code;
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using dockerd = scripted_dockerd;
using lines = std::vector<std::string>;

namespace {

std::string id_of(const std::string& name) {
  return std::string(60, 'a') + name.substr(0, 4);
}
std::string path_of(const std::string& name) {
  return "/v1.41/containers/" + id_of(name);
}
std::string look(const std::string& name) {
  return "GET /v1.41/containers/" + name + "/json";
}
std::string attach_it(const std::string& name) {
  return "POST " + path_of(name) + "/attach";
}
std::string stats_of(const std::string& name) {
  return "GET " + path_of(name) + "/stats";
}

dockerd::reply is(const std::string& name, bool tty = true) {
  return dockerd::answers(
      200, R"({"Id":")" + id_of(name) + R"(","Name":"/)" + name
               + R"(","State":{"Status":"running","Running":true},)"
               + R"("Config":{"Tty":)" + (tty ? "true" : "false") + "}}");
}

const std::string upgraded =
    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

/// Says this, and keeps the connection open until the client is gone.
dockerd::reply says_and_stays(const std::string& text) {
  return [=](dockerd::connection& to, const dockerd::request&) {
    to.send(upgraded + text);
    while (!to.receive().empty()) {
    }
    return false;
  };
}

std::string chunk(const std::string& text) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + text + "\r\n";
}

const std::string chunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

template<class T>
bool comes(std::future<T> what) {
  return what.wait_for(doubles::longest_wait) == std::future_status::ready;
}

struct place {
  dockerd peer;
  docker_settings settings;
  docker_stream_settings limits;
  std::unique_ptr<docker_streams> streams;
  std::shared_ptr<console_recorder> listener =
      std::make_shared<console_recorder>();

  place() {
    settings.socket = peer.socket();
    settings.inspect = 60s;
    settings.circuit.first_pause = 0ms;
    settings.circuit.longest_pause = 0ms;
    limits.attach = 60s;
    limits.stats_pause = 10ms;
  }
  docker_streams& open() {
    streams = std::make_unique<docker_streams>(
        std::make_shared<docker_link>(settings), limits);
    return *streams;
  }
  /// A container that says this on its console.
  void with(const std::string& name, dockerd::reply console, bool tty = true) {
    peer.on(look(name), {is(name, tty)});
    peer.on(attach_it(name), {std::move(console)});
    peer.on(stats_of(name), {dockerd::hangs()});
  }
};

std::string frame(char stream, const std::string& text) {
  return std::string{stream, '\0', '\0', '\0',
                     '\0',   '\0', '\0', static_cast<char>(text.size())}
         + text;
}

} // namespace

// -- consoles ----------------------------------------------------------------

TEST_CASE("an attach asks for all three streams, hijacked", "[remote]") {
  place p;
  p.with("game", says_and_stays("hello\r\n"));
  auto& streams = p.open();
  REQUIRE(streams.attach("game", p.listener));
  CHECK(p.listener->heard("hello"));
  CHECK(p.peer.count(attach_it("game") + "?stdin=1&stdout=1&stderr=1&stream=1")
        == 1);
  for (const auto& request : p.peer.requests())
    if (request.method == "POST")
      CHECK(request.head.find("Upgrade: tcp") != std::string::npos);
  CHECK(streams.is_attached("game"));
  CHECK(streams.is_attached(id_of("game")));
}

TEST_CASE("what comes with the head of the answer is not lost", "[remote]") {
  place p;
  p.with("game", dockerd::drips(upgraded + "a\nb\n", 0ms));
  REQUIRE(p.open().attach("game", p.listener));
  CHECK(p.listener->ends());
  CHECK(p.listener->lines() == lines{"a", "b"});
}

TEST_CASE("frames of a container without a TTY are taken apart", "[remote]") {
  place p;
  p.with("game",
         dockerd::cuts_after(upgraded + frame(1, "ha") + frame(2, "error\n")
                             + frame(1, "lf\n")),
         false);
  REQUIRE(p.open().attach("game", p.listener));
  CHECK(p.listener->ends());
  CHECK(p.listener->lines() == lines{"error", "half"});
}

TEST_CASE("frames that are none end the console", "[remote]") {
  place p;
  p.with("game", says_and_stays("this is not a frame"), false);
  REQUIRE(p.open().attach("game", p.listener));
  CHECK(p.listener->ends());
}

TEST_CASE("an attach that is refused says why", "[remote]") {
  place p;
  auto code = fault_code::docker_refused;
  SECTION("no such container, at first sight") {
    p.peer.on(look("game"), {dockerd::says(404, "No such container: game")});
  }
  SECTION("no such container any more") {
    p.with("game", dockerd::says(404, "No such container: game"));
  }
  SECTION("paused") {
    p.with("game", dockerd::says(409, "Container game is paused"));
  }
  SECTION("out of order") {
    code = fault_code::container_busy;
    p.with("game", dockerd::says(500, "something broke"));
  }
  SECTION("going down") {
    code = fault_code::docker_unavailable;
    p.with("game", dockerd::says(503, "shutting down"));
  }
  SECTION("cut before the answer") {
    code = fault_code::docker_unavailable;
    p.with("game", dockerd::cuts_after("HTTP/1.1 101 UPGR"));
  }
  SECTION("no HTTP") {
    code = fault_code::docker_unavailable;
    p.with("game", dockerd::cuts_after("SSH-2.0-OpenSSH_9.2\r\n\r\n"));
  }
  auto& streams = p.open();
  const auto attached = streams.attach("game", p.listener);
  REQUIRE_FALSE(attached);
  CHECK(attached.error().code == code);
  CHECK_FALSE(attached.error().what.empty());
  CHECK_FALSE(streams.is_attached("game"));
  CHECK_FALSE(p.listener->has_ended());
}

TEST_CASE("a hung attach ends at its limit, and harms no other", "[remote]") {
  place p;
  p.limits.attach = 2s;
  p.with("hung", dockerd::hangs());
  p.with("game", says_and_stays("hello\n"));
  auto& streams = p.open();
  auto hung = std::async(std::launch::async, [&] {
    return streams.attach("hung", std::make_shared<console_recorder>());
  });
  REQUIRE(p.peer.saw(attach_it("hung")));
  REQUIRE(streams.attach("game", p.listener));
  CHECK(p.listener->heard("hello"));
  const auto attached = hung.get();
  REQUIRE_FALSE(attached);
  CHECK(attached.error().code == fault_code::docker_unavailable);
}

TEST_CASE("no dockerd is a fault of an attach", "[remote]") {
  place p;
  p.settings.socket = "/nonexistent/docker.sock";
  const auto attached = p.open().attach("game", p.listener);
  REQUIRE_FALSE(attached);
  CHECK(attached.error().code == fault_code::docker_unavailable);
}

TEST_CASE("a console that is cut in a line ends with what it said",
          "[remote]") {
  place p;
  p.with("game", dockerd::cuts_after(upgraded + "one\r\nunfinis"));
  auto& streams = p.open();
  REQUIRE(streams.attach("game", p.listener));
  CHECK(p.listener->ends());
  CHECK(p.listener->lines() == lines{"one", "unfinis"});
  CHECK_FALSE(streams.is_attached("game"));
  CHECK(streams.write("game", "x").error().code == fault_code::docker_refused);
}

TEST_CASE("a line without an end comes in pieces", "[remote]") {
  place p;
  constexpr std::uint64_t total = std::uint64_t{8} << 20;
  p.with("game", dockerd::floods(upgraded, std::string(4'096, 'x'), total));
  REQUIRE(p.open().attach("game", p.listener));
  REQUIRE(p.listener->ends());
  std::uint64_t heard = 0;
  for (const auto& line : p.listener->lines()) {
    CHECK(line.size() <= 65'536);
    heard += line.size();
  }
  CHECK(heard == total);
}

TEST_CASE("what is written arrives in order", "[remote]") {
  place p;
  std::promise<std::string> read;
  p.with("game", [&](dockerd::connection& to, const dockerd::request&) {
    to.send(upgraded);
    std::string all;
    while (all.size() < 8) {
      const auto more = to.receive();
      if (more.empty())
        break;
      all += more;
    }
    read.set_value(all);
    return false;
  });
  auto& streams = p.open();
  REQUIRE(streams.attach("game", p.listener));
  CHECK(streams.write("game", "save"));
  CHECK(streams.write("game", " me\n"));
  CHECK(read.get_future().get() == "save me\n");
}

TEST_CASE("a container that does not read is not written to for ever",
          "[remote]") {
  place p;
  p.with("game", [&](dockerd::connection& to, const dockerd::request&) {
    to.send(upgraded);
    to.wait(1h);
    return false;
  });
  auto& streams = p.open();
  REQUIRE(streams.attach("game", p.listener));
  const std::string text(64'000, 'x');
  jobs::status written;
  int times = 0;
  while ((written = streams.write("game", text)))
    REQUIRE(++times < 1'000);
  CHECK(written.error().code == fault_code::rate_limited);
  CHECK(streams.write("other", "x").error().code == fault_code::docker_refused);
}

TEST_CASE("a slow listener keeps its own container waiting, no other",
          "[remote]") {
  place p;
  constexpr std::uint64_t total = std::uint64_t{8} << 20;
  p.with("slow",
         dockerd::floods(upgraded, std::string(1'023, 'x') + "\n", total));
  p.with("game", says_and_stays("hello\n"));
  auto& streams = p.open();
  std::promise<void> let_go;
  std::promise<void> is_held;
  const auto slow = std::make_shared<console_recorder>();
  std::atomic<bool> is_first = true;
  slow->on_line = [&, gate = let_go.get_future().share()](std::string_view) {
    if (is_first.exchange(false)) {
      is_held.set_value();
      gate.wait();
    }
  };
  REQUIRE(streams.attach("slow", slow));
  REQUIRE(comes(is_held.get_future()));
  REQUIRE(streams.attach("game", p.listener));
  CHECK(p.listener->heard("hello"));
  // 1 MiB in the box, and what the two sockets hold.
  CHECK(p.peer.bytes_sent() < total / 2);
  let_go.set_value();
  CHECK(slow->ends());
  CHECK(slow->lines().size() == total / 1'024);
}

TEST_CASE("a listener may write and let go while it hears", "[remote]") {
  place p;
  std::promise<std::string> read;
  p.with("game", [&](dockerd::connection& to, const dockerd::request&) {
    to.send(upgraded + "ready\nnext\n");
    read.set_value(to.receive());
    while (!to.receive().empty()) {
    }
    return false;
  });
  auto& streams = p.open();
  std::atomic<bool> is_written = false;
  p.listener->on_line = [&](std::string_view) {
    is_written = streams.write("game", "go\n").has_value();
    streams.detach("game");
  };
  REQUIRE(streams.attach("game", p.listener));
  CHECK(p.listener->heard("ready"));
  REQUIRE(comes(read.get_future()));
  CHECK(is_written);
  CHECK_FALSE(streams.is_attached("game"));
  CHECK(p.listener->lines() == lines{"ready"});
}

TEST_CASE("streams end while containers talk", "[remote]") {
  place p;
  p.with("game", dockerd::floods(upgraded, std::string(999, 'x') + "\n",
                                 std::uint64_t{1} << 40));
  REQUIRE(p.open().attach("game", p.listener));
  CHECK(p.listener->heard(std::string(999, 'x')));
  p.streams->watch(std::make_shared<doubles::event_recorder>());
  p.streams.reset();
  const auto heard = p.listener->lines().size();
  CHECK(p.listener->lines().size() == heard);
  CHECK_FALSE(p.listener->has_ended());
}

// -- samples -----------------------------------------------------------------

TEST_CASE("samples come as they are read", "[remote]") {
  place p;
  p.with("game", says_and_stays(""));
  p.peer.on(stats_of("game"),
            {[](dockerd::connection& to, const dockerd::request&) {
              to.send(chunked + chunk(R"({"read":"2026-11-20T18:54:12Z",)")
                      + chunk("\"memory_stats\":{\"usage\":5}}\n"));
              to.wait(1h);
              return false;
            }});
  REQUIRE(p.open().attach("game", p.listener));
  CHECK(p.listener->sampled([](const auto& s) { return s.memory_bytes == 5; }));
  CHECK(p.peer.count(stats_of("game") + "?stream=1") == 1);
}

TEST_CASE("samples that break off are asked for again", "[remote]") {
  place p;
  p.with("game", says_and_stays(""));
  p.peer.on(stats_of("game"),
            {dockerd::cuts_after(chunked + "5\r\n{\"r"),
             dockerd::cuts_after("garbage\r\n"),
             dockerd::cuts_after(chunked + "0\r\n\r\n"),
             dockerd::says(500, "not now"), dockerd::hangs()});
  auto& streams = p.open();
  REQUIRE(streams.attach("game", p.listener));
  CHECK(p.peer.saw(stats_of("game"), 5));
  CHECK(streams.is_attached("game"));
}

TEST_CASE("a container that was removed has no console any more", "[remote]") {
  place p;
  p.with("game", says_and_stays("hello\n"));
  p.peer.on(stats_of("game"), {dockerd::cuts_after(chunked + "0\r\n\r\n"),
                               dockerd::says(404, "No such container: game")});
  auto& streams = p.open();
  REQUIRE(streams.attach("game", p.listener));
  CHECK(p.listener->ends());
  CHECK_FALSE(streams.is_attached("game"));
}

// -- logs --------------------------------------------------------------------

TEST_CASE("the log's tail is read of both kinds of containers", "[remote]") {
  place p;
  const bool tty = GENERATE(true, false);
  p.peer.on(look("game"), {is("game", tty)});
  const auto text =
      tty ? "one\r\ntwo\r\n" : frame(1, "one\n") + frame(2, "two\n");
  p.peer.on("GET " + path_of("game") + "/logs", {dockerd::answers(200, text)});
  const auto tail = p.open().log_tail("game", 100);
  REQUIRE(tail);
  CHECK(*tail == lines{"one", "two"});
  CHECK(p.peer.count("GET " + path_of("game")
                     + "/logs?stdout=1&stderr=1&tail=100")
        == 1);
}

TEST_CASE("only the newest lines of a log are kept", "[remote]") {
  place p;
  p.peer.on(look("game"), {is("game")});
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += std::string(65'000, 'x') + std::to_string(i) + "\n";
  p.peer.on("GET " + path_of("game") + "/logs", {dockerd::answers(200, text)});
  const auto tail = p.open().log_tail("game", 100);
  REQUIRE(tail);
  CHECK(tail->size() < 70); // 4 MiB
  CHECK(tail->back().ends_with("x199"));
}

TEST_CASE("a log that cannot be read is a fault", "[remote]") {
  place p;
  p.peer.on(look("game"), {is("game")});
  const auto logs = "GET " + path_of("game") + "/logs";
  p.limits.logs = 2s;
  auto& streams = p.open();
  p.peer.on(logs, {dockerd::says(501, "driver does not support reading")});
  CHECK(streams.log_tail("game", 9).error().code == fault_code::docker_refused);
  p.peer.on(logs, {dockerd::hangs()});
  CHECK(streams.log_tail("game", 9).error().code
        == fault_code::docker_unavailable);
  p.peer.on(logs, {dockerd::says(404, "No such container: game")});
  CHECK(streams.log_tail("game", 9)->empty());
}
