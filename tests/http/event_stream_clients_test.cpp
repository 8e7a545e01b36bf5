#include "http/event_stream.hpp"
#include "tests/http/stream_world.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

TEST_CASE("a reader that does not read is cut off", "[http]") {
  streaming world;
  auto req = doubles::make_request("GET", "/api/events");
  const auto call = std::make_shared<doubles::fake_exchange>(req);
  call->stream_limit = 500;
  world.events.open_all(call);
  CHECK(world.events.count() == 1);
  for (int i = 0; i < 10; ++i)
    world.happen("job.step");
  CHECK_FALSE(call->opened_stream()->is_open());
  CHECK(world.engine.subscribers() == 0);
  CHECK(world.events.count() == 0);
}

TEST_CASE("a client the engine lost comes back with its cursor", "[http]") {
  streaming world;
  const auto stream = world.open("/api/events");
  world.happen("job.step");
  world.engine.deliver({{}, {}, true});
  CHECK(stream->was_closed());
  CHECK(world.engine.subscribers() == 0);
  world.happen("job.step");
  const auto again =
      world.open_from("/api/events", parse_events(stream->text()).last_id);
  CHECK(parse_events(again->text()).ids() == std::vector<std::string>{"2"});
}

TEST_CASE("too much at once while the log is read ends the stream", "[http]") {
  streaming world{{.heartbeat = 1h, .most_meanwhile = 3}};
  world.engine.while_reading = [&] {
    for (int i = 0; i < 4; ++i)
      world.happen("job.step");
  };
  CHECK(world.open_from("/api/events", "0")->was_closed());
}

TEST_CASE("a log that cannot be read opens or keeps no stream", "[http]") {
  streaming world;
  world.engine.refuse_events = fault{.code = fault_code::journal_unavailable};
  CHECK(world.ask("GET", "/api/events").status == 503);
  CHECK(world.open_from("/api/events", "0")->was_closed());
}

TEST_CASE("a beat keeps a stream open and finds who is gone", "[http]") {
  streaming world;
  const auto here = world.open("/api/events");
  const auto gone = world.open("/api/events");
  CHECK(world.events.count() == 2);
  gone->vanish();
  world.events.beat();
  CHECK(parse_events(here->text()).comments == 1);
  CHECK(world.events.count() == 1);
  CHECK(world.engine.subscribers() == 1);
}

TEST_CASE("streams beat by themselves", "[http]") {
  doubles::fake_engine engine;
  event_streams events{engine, {.heartbeat = 10ms}};
  const auto call = std::make_shared<doubles::fake_exchange>(
      doubles::make_request("GET", "/api/events"));
  events.open_all(call);
  CHECK(call->opened_stream()->wait_for_text(": "));
}

TEST_CASE("no more streams are open than may be", "[http]") {
  streaming world{{.heartbeat = 1h, .most_streams = 2}};
  const auto first = world.open("/api/events");
  const auto second = world.open(world.job_url());
  const auto answer = world.ask("GET", "/api/events");
  CHECK(answer.status == 429);
  CHECK(code_of(answer) == "rate-limited");
  first->vanish();
  world.open("/api/events");
}

TEST_CASE("a drain ends all streams and opens no more", "[http]") {
  streaming world;
  const auto stream = world.open("/api/events");
  world.events.close();
  CHECK(stream->was_closed());
  CHECK(world.engine.subscribers() == 0);
  const auto answer = world.ask("GET", "/api/events");
  CHECK(answer.status == 503);
  CHECK(code_of(answer) == "shutting-down");
}

TEST_CASE("events from several threads come whole and in order", "[http]") {
  streaming world;
  const auto stream = world.open("/api/events");
  const auto make = [&](std::int64_t seq) {
    auto e = streaming::event_of(world.job, "job.step");
    e.seq = seq;
    return std::make_shared<const jobs::event>(std::move(e));
  };
  auto beats = std::async(std::launch::async, [&] {
    for (int i = 0; i < 200; ++i)
      world.events.beat();
  });
  for (int i = 1; i <= 200; ++i)
    world.engine.deliver({{make(i)}, {}, false});
  beats.get();
  const auto told = parse_events(stream->text());
  REQUIRE(told.events.size() == 200);
  CHECK(told.comments == 200);
  CHECK(told.last_id == "200");
}
