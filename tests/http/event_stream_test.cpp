#include "http/event_stream.hpp"
#include "http/event_text.hpp"
#include "tests/http/stream_world.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

// -- the text ----------------------------------------------------------------

TEST_CASE("an event is told with its id, type, and whose it is", "[http]") {
  streaming world;
  const auto stream = world.open("/api/events");
  world.happen("job.step");
  const auto told = parse_events(stream->text());
  CHECK(told.retry == "3000");
  REQUIRE(told.events.size() == 1);
  CHECK(told.events[0].id == "1");
  CHECK(told.events[0].event == "job.step");
  CHECK(told.events[0].object()
        == json{{"seq", 1},
                {"type", "job.step"},
                {"job", world.job.id.view()},
                {"kind", "server.delete"},
                {"server", some_server},
                {"version", 1},
                {"at", "2027-01-15T08:00:00.000Z"},
                {"data", {{"state", "running"}}}});
}

TEST_CASE("no text of an event can break the stream", "[http]") {
  auto e = streaming::event_of(make_job(), "job.step");
  e.seq = 1;
  e.data = GENERATE("{\"a\":\"\\n\\nid: 9\"}", "{\n\"a\":\n1}",
                    "no json\n\nid: 9", "\xff\n", "");
  e.server = {};
  const auto told = parse_events(event_text(e));
  REQUIRE(told.events.size() == 1);
  CHECK(told.last_id == "1");
  CHECK(told.events[0].object().at("server").is_null());
}

// -- all events --------------------------------------------------------------

TEST_CASE("a new client hears what happens from now on", "[http]") {
  streaming world;
  world.happen("job.accepted");
  world.happen("job.running");
  const auto stream = world.open("/api/events");
  // It could resume before it has heard anything.
  CHECK(parse_events(stream->text()).last_id == "2");
  world.happen("job.step");
  CHECK(parse_events(stream->text()).ids() == std::vector<std::string>{"3"});
}

TEST_CASE("a client that was away hears what it missed, once", "[http]") {
  streaming world;
  for (const auto* type : {"job.accepted", "job.running", "job.step"})
    world.happen(type);
  const auto stream = GENERATE(true, false)
                          ? world.open_from("/api/events", "1")
                          : world.open("/api/events?last_event_id=1");
  world.happen("job.succeeded");
  CHECK(parse_events(stream->text()).ids()
        == std::vector<std::string>{"2", "3", "4"});
}

TEST_CASE("the header counts more than the URL of the first visit", "[http]") {
  streaming world;
  world.happen("job.accepted");
  world.happen("job.running");
  const auto stream =
      world.open("/api/events?last_event_id=0", {{"Last-Event-ID", "1"}});
  CHECK(parse_events(stream->text()).ids() == std::vector<std::string>{"2"});
}

TEST_CASE("what happens while the log is read is told once, in order",
          "[http]") {
  streaming world;
  world.happen("job.accepted");
  world.happen("job.running");
  world.engine.while_reading = [&] {
    // Committed before the read, delivered after it; and one that is new.
    world.engine.deliver({{std::make_shared<const jobs::event>([&] {
                            auto e = streaming::event_of(world.job, "x");
                            e.seq = 2;
                            return e;
                          }())},
                          {},
                          false});
    world.happen("job.step");
  };
  const auto stream = world.open_from("/api/events", "0");
  world.happen("job.succeeded");
  CHECK(parse_events(stream->text()).ids()
        == std::vector<std::string>{"1", "2", "3", "4"});
}

TEST_CASE("a long log is read page by page", "[http]") {
  streaming world{{.heartbeat = 1h, .page = 3}};
  for (int i = 0; i < 10; ++i)
    world.happen("job.step");
  const auto stream = world.open_from("/api/events", "0");
  CHECK(parse_events(stream->text()).events.size() == 10);
  CHECK(stream->is_open());
}

TEST_CASE("a client that is far behind comes back for the rest", "[http]") {
  streaming world{{.heartbeat = 1h, .page = 4, .most_replayed = 600}};
  for (int i = 0; i < 9; ++i)
    world.happen("job.step");
  std::vector<std::string> all;
  std::string cursor = "0";
  int visits = 0;
  for (bool open = false; !open && visits < 20; ++visits) {
    const auto stream = world.open_from("/api/events", cursor);
    CHECK(stream->text().size() < 600 + 600);
    const auto told = parse_events(stream->text());
    for (const auto& id : told.ids())
      all.push_back(id);
    cursor = told.last_id;
    open = stream->is_open();
    CHECK(told.retry == (open ? "3000" : "100"));
  }
  CHECK(visits > 2);
  CHECK(
      all
      == std::vector<std::string>{"1", "2", "3", "4", "5", "6", "7", "8", "9"});
}

TEST_CASE("a stream may be of one server or some kinds", "[http]") {
  streaming world;
  auto other = make_job("server.create");
  other.server =
      jobs::server_id::parse("00000000-0000-4000-8000-000000000000").value();
  const auto query = GENERATE(as<std::string>{}, "?server=" + some_server,
                              "?kind=server.delete", "?kind=server.d.*",
                              "?kind=server.*&server=" + some_server);
  CAPTURE(query);
  const auto stream = world.open("/api/events" + query);
  world.engine.happen(streaming::event_of(other, "job.accepted"));
  world.happen("job.accepted");
  const bool none = query.ends_with("d.*");
  CHECK(parse_events(stream->text()).ids()
        == (none ? std::vector<std::string>{} : std::vector<std::string>{"2"}));
}

TEST_CASE("a wrong filter or cursor opens no stream", "[http]") {
  streaming world;
  for (const auto* query :
       {"?server=x", "?kind=*", "?last_event_id=x", "?last_event_id=-1",
        "?last_event_id=1.5", "?servr=8d3fb5e2-5c47-4f0a-9b1e-0d3a2c000001",
        "?kind=a.b&kind=c.d"}) {
    CAPTURE(query);
    const auto answer = world.ask("GET", "/api/events" + std::string{query});
    CHECK(answer.status == 400);
    CHECK(code_of(answer) == "malformed");
  }
  CHECK(code_of(world.ask("GET", world.job_url(), {}, {{"Last-Event-ID", "x"}}))
        == "malformed");
  CHECK(code_of(world.ask("GET", world.job_url() + "?server=x"))
        == "malformed");
  CHECK(world.engine.subscribers() == 0);
}

// -- progress ----------------------------------------------------------------

TEST_CASE("progress is told without an id, as the job is shown", "[http]") {
  streaming world;
  const auto stream = world.open_from("/api/events", "0");
  const auto view = world.engine.put(
      world.job, 1, jobs::progress{.done = 1, .total = 4, .unit = "entries"});
  world.engine.deliver({{}, {view}, false});
  const auto told = parse_events(stream->text());
  REQUIRE(told.types() == std::vector<std::string>{"job.progress"});
  CHECK(told.events[0].id.empty());
  CHECK(told.events[0].object().at("progress").at("percent") == 25);
}

TEST_CASE("nothing is told of an ended job's progress", "[http]") {
  streaming world;
  const auto stream = world.open("/api/events");
  const auto view = world.engine.put(ended(world.job, job_state::succeeded), 2);
  world.engine.deliver({{}, {view}, false});
  CHECK(parse_events(stream->text()).events.empty());
}
