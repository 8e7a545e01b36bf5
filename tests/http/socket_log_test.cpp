// For whom a websocket works when it says something in the log.
#include "http/live.hpp"
#include "tests/http/heard_log.hpp"
#include "tests/http/live_world.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

namespace {

/// The lines of an event, each cut to whose it is.
lines whose_are(const heard_log& log, std::string_view event) {
  lines out;
  for (const auto& line : log.lines()) {
    if (!line.starts_with(std::string{event} + " "))
      continue;
    const auto at = line.find(" request=");
    out.push_back(at == std::string::npos ? "nobody's" : line.substr(at + 1));
  }
  return out;
}

} // namespace

TEST_CASE("what a websocket says is found by the request that opened it",
          "[http]") {
  live_world world;
  const heard_log log;
  std::shared_ptr<fake_websocket> socket;
  {
    const jobs::log_scope whose{"request", "r1"};
    socket = world.open(server_a);
  }
  const lines of_it{"request=r1"};
  SECTION("an order") {
    world.authenticate(*socket, world.claims(server_a));
    socket_world::say(*socket, "set state", {"start"});
    CHECK(whose_are(log, "socket-order") == of_it);
  }
  SECTION("an error") {
    socket_world::say(*socket, "auth", {"no token"});
    CHECK(whose_are(log, "socket-error") == of_it);
  }
  SECTION("a state that nobody knows") {
    world.engine.answer(
        jobs::fault{.code = jobs::fault_code::docker_unavailable});
    world.authenticate(*socket, world.claims(server_a));
    CHECK(whose_are(log, "socket-status-unknown") == of_it);
  }
  SECTION("its end by the clock") {
    world.authenticate(*socket, world.claims(server_a));
    for (int i = 0; i < 3; ++i)
      world.pass(30s);
    CHECK(whose_are(log, "socket-ended") == of_it);
  }
}

TEST_CASE("a callback of a websocket that throws is said to be the request's",
          "[http]") {
  const heard_log log;
  std::optional<socket_state> state;
  websocket_events events;
  events.on_text = [](const std::string&) { throw std::runtime_error{"no"}; };
  {
    const jobs::log_scope whose{"request", "r1"};
    state.emplace(1'000, std::move(events));
  }
  state->text_came("x");
  CHECK(log.lines() == lines{"websocket-callback-threw what=no request=r1"});
}
