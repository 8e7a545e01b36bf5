// The consoles of containers; their samples and logs have tests of their own.
#include "tests/remote/streamed_containers.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>

using namespace alula;
using namespace alula::remote::streamed_containers;
using jobs::fault_code;
using namespace std::chrono_literals;

namespace {

template<class T>
bool comes(std::future<T> what) {
  return what.wait_for(doubles::longest_wait) == std::future_status::ready;
}

} // namespace

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
  std::promise<bool> is_written;
  p.listener->on_line = [&](std::string_view) {
    const auto written = streams.write("game", "go\n").has_value();
    streams.detach("game");
    is_written.set_value(written);
  };
  REQUIRE(streams.attach("game", p.listener));
  CHECK(p.listener->heard("ready"));
  REQUIRE(comes(read.get_future()));
  auto heard = is_written.get_future();
  REQUIRE(heard.wait_for(doubles::longest_wait) == std::future_status::ready);
  CHECK(heard.get());
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
