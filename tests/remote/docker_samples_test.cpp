#include "tests/remote/streamed_containers.hpp"

#include <catch2/catch.hpp>

#include <cstdio>
#include <string>

using namespace alula;
using namespace alula::remote::streamed_containers;
using namespace std::chrono_literals;

TEST_CASE("samples come as they are read", "[remote]") {
  place p;
  p.with("game", says_and_stays(""));
  p.peer.on(stats_of("game"),
            {[](dockerd::connection& to, const dockerd::request&) {
              to.send(dockerd::chunked
                      + dockerd::chunk(R"({"read":"2026-11-20T18:54:12Z",)")
                      + dockerd::chunk("\"memory_stats\":{\"usage\":5}}\n"));
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
            {dockerd::cuts_after(dockerd::chunked + "5\r\n{\"r"),
             dockerd::cuts_after("garbage\r\n"),
             dockerd::cuts_after(dockerd::chunked + "0\r\n\r\n"),
             dockerd::says(500, "not now"), dockerd::hangs()});
  auto& streams = p.open();
  REQUIRE(streams.attach("game", p.listener));
  CHECK(p.peer.saw(stats_of("game"), 5));
  CHECK(streams.is_attached("game"));
}

TEST_CASE("a container that was removed has no console any more", "[remote]") {
  place p;
  p.with("game", says_and_stays("hello\n"));
  p.peer.on(stats_of("game"),
            {dockerd::cuts_after(dockerd::chunked + "0\r\n\r\n"),
             dockerd::says(404, "No such container: game")});
  auto& streams = p.open();
  REQUIRE(streams.attach("game", p.listener));
  CHECK(p.listener->ends());
  CHECK_FALSE(streams.is_attached("game"));
}
