#include "tests/remote/streamed_containers.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace alula;
using namespace alula::remote::streamed_containers;
using jobs::fault_code;
using namespace std::chrono_literals;

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
