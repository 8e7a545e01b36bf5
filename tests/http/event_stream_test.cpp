#include "http/event_stream.hpp"
#include "http/event_text.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <future>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

namespace {

/// One event as a client's parser would see it (WHATWG HTML, 9.2.6).
struct received {
  std::string id, event, data;
  json object() const { return json::parse(data); }
};

struct transcript {
  std::vector<received> events;
  std::string last_id;
  std::string retry;
  int comments = 0;

  std::vector<std::string> types() const {
    std::vector<std::string> out;
    for (const auto& e : events)
      out.push_back(e.event);
    return out;
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> out;
    for (const auto& e : events)
      if (!e.id.empty())
        out.push_back(e.id);
    return out;
  }
};

transcript parse(const std::string& text) {
  transcript out;
  received next;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    REQUIRE(end != std::string_view::npos);
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    const auto colon = line.find(": ");
    const auto value =
        std::string{colon == line.npos ? "" : line.substr(colon + 2)};
    if (line.empty()) {
      if (!next.id.empty())
        out.last_id = next.id;
      if (!next.data.empty())
        out.events.push_back(next);
      next = {};
    } else if (line.starts_with(":")) {
      ++out.comments;
    } else if (line.starts_with("id: ")) {
      next.id = value;
    } else if (line.starts_with("event: ")) {
      next.event = value;
    } else if (line.starts_with("data: ")) {
      next.data += (next.data.empty() ? "" : "\n") + value;
    } else {
      REQUIRE(line.starts_with("retry: "));
      out.retry = value;
    }
  }
  return out;
}

/// An engine with a log, whose streams beat only when the test says so.
struct streaming : api_world {
  explicit streaming(event_stream_settings how = {.heartbeat = 1h})
    : api_world({}, how), job(make_job()) {
    engine.put(job);
  }

  jobs::event happen(std::string type, bool tell = true) {
    return engine.happen(event_of(job, std::move(type)), tell);
  }
  static jobs::event event_of(const jobs::job_record& of, std::string type) {
    jobs::event e;
    e.job = of.id;
    e.server = of.server;
    e.kind = of.kind;
    e.type = std::move(type);
    e.job_version = of.version;
    e.at = 1'800'000'000'000;
    e.data = R"({"state":"running"})";
    return e;
  }
  void finish() {
    job = ended(job, job_state::succeeded);
    engine.put(job);
    happen("job.succeeded");
  }

  std::shared_ptr<doubles::fake_stream> open(std::string_view target,
                                             header_list headers = {}) {
    const auto call = send("GET", target, {}, std::move(headers));
    const auto head = call->wait_for_answer();
    REQUIRE(head);
    CHECK(head->status == 200);
    CHECK(header_of(*head, "Content-Type")
          == "text/event-stream; charset=utf-8");
    CHECK(header_of(*head, "Cache-Control") == "no-store");
    CHECK(header_of(*head, "X-Accel-Buffering") == "no");
    auto out = call->opened_stream();
    REQUIRE(out);
    return out;
  }
  std::shared_ptr<doubles::fake_stream> open_from(std::string_view target,
                                                  std::string_view id) {
    return open(target, {{"Last-Event-ID", std::string{id}}});
  }
  std::string job_url() const {
    return "/api/jobs/" + job.id.to_string() + "/events";
  }

  jobs::job_record job;
};

} // namespace

// -- the text -----------------------------------------------------------------

TEST_CASE("an event is told with its id, type, and whose it is", "[http]") {
  streaming world;
  const auto stream = world.open("/api/events");
  world.happen("job.step");
  const auto told = parse(stream->text());
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
  const auto told = parse(event_text(e));
  REQUIRE(told.events.size() == 1);
  CHECK(told.last_id == "1");
  CHECK(told.events[0].object().at("server").is_null());
}

// -- all events ---------------------------------------------------------------

TEST_CASE("a new client hears what happens from now on", "[http]") {
  streaming world;
  world.happen("job.accepted");
  world.happen("job.running");
  const auto stream = world.open("/api/events");
  // It could resume before it has heard anything.
  CHECK(parse(stream->text()).last_id == "2");
  world.happen("job.step");
  CHECK(parse(stream->text()).ids() == std::vector<std::string>{"3"});
}

TEST_CASE("a client that was away hears what it missed, once", "[http]") {
  streaming world;
  for (const auto* type : {"job.accepted", "job.running", "job.step"})
    world.happen(type);
  const auto stream = GENERATE(true, false)
                          ? world.open_from("/api/events", "1")
                          : world.open("/api/events?last_event_id=1");
  world.happen("job.succeeded");
  CHECK(parse(stream->text()).ids() == std::vector<std::string>{"2", "3", "4"});
}

TEST_CASE("the header counts more than the URL of the first visit", "[http]") {
  streaming world;
  world.happen("job.accepted");
  world.happen("job.running");
  const auto stream =
      world.open("/api/events?last_event_id=0", {{"Last-Event-ID", "1"}});
  CHECK(parse(stream->text()).ids() == std::vector<std::string>{"2"});
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
  CHECK(parse(stream->text()).ids()
        == std::vector<std::string>{"1", "2", "3", "4"});
}

TEST_CASE("a long log is read page by page", "[http]") {
  streaming world{{.heartbeat = 1h, .page = 3}};
  for (int i = 0; i < 10; ++i)
    world.happen("job.step");
  const auto stream = world.open_from("/api/events", "0");
  CHECK(parse(stream->text()).events.size() == 10);
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
    const auto told = parse(stream->text());
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
  CHECK(parse(stream->text()).ids()
        == (none ? std::vector<std::string>{} : std::vector<std::string>{"2"}));
}

TEST_CASE("a wrong filter or cursor opens no stream", "[http]") {
  streaming world;
  for (const auto* query : {"?server=x", "?kind=*", "?last_event_id=x",
                            "?last_event_id=-1", "?last_event_id=1.5"}) {
    CAPTURE(query);
    const auto answer = world.ask("GET", "/api/events" + std::string{query});
    CHECK(answer.status == 400);
    CHECK(code_of(answer) == "malformed");
  }
  CHECK(code_of(world.ask("GET", world.job_url(), {}, {{"Last-Event-ID", "x"}}))
        == "malformed");
  CHECK(world.engine.subscribers() == 0);
}

// -- reset --------------------------------------------------------------------

TEST_CASE("a cursor before the retained log gets the jobs as they are",
          "[http]") {
  streaming world;
  for (int i = 0; i < 5; ++i)
    world.happen("job.step");
  world.engine.first_retained = 4;
  const auto stream = world.open_from(
      "/api/events?server=" + some_server + "&kind=server.*", "1");
  world.happen("job.succeeded");
  const auto told = parse(stream->text());
  CHECK(told.types() == std::vector<std::string>{"reset", "job.succeeded"});
  CHECK(told.ids() == std::vector<std::string>{"5", "6"});
  const auto snapshot = told.events[0].object();
  CHECK(snapshot.at("has_more") == false);
  REQUIRE(snapshot.at("jobs").size() == 1);
  CHECK(snapshot.at("jobs")[0].at("id") == world.job.id.view());
  const auto& asked = world.engine.lists.at(0).filter;
  CHECK(asked.done == false);
  CHECK(asked.server.view() == some_server);
  CHECK(asked.kind == "server.*");
}

TEST_CASE("a cursor of another log is not waited for", "[http]") {
  streaming world;
  world.happen("job.accepted");
  const auto stream = world.open_from("/api/events", "1000");
  world.happen("job.step");
  CHECK(parse(stream->text()).ids() == std::vector<std::string>{"1", "2"});
  CHECK(parse(stream->text()).types()
        == std::vector<std::string>{"reset", "job.step"});
}

TEST_CASE("a snapshot is no bigger than it may be", "[http]") {
  streaming world{{.heartbeat = 1h, .snapshot = 2}};
  for (int i = 0; i < 3; ++i)
    world.engine.put(make_job());
  world.happen("job.step");
  world.happen("job.step");
  world.engine.first_retained = 2;
  const auto told = parse(world.open_from("/api/events", "0")->text());
  const auto snapshot = told.events.at(0).object();
  CHECK(snapshot.at("jobs").size() == 2);
  CHECK(snapshot.at("has_more") == true);
}

TEST_CASE("a snapshot is no longer than a reader can be owed", "[http]") {
  streaming world;
  std::vector<jobs::job_view_ptr> all;
  for (int i = 0; i < 100; ++i)
    all.push_back(world.engine.put(make_job()));
  const auto limit = GENERATE(std::size_t{1}, std::size_t{20'000});
  const auto text = reset_text(1, all, false, limit);
  const auto snapshot = parse(text).events.at(0).object();
  CHECK(text.size() < limit + 3'000);
  CHECK_FALSE(snapshot.at("jobs").empty());
  CHECK(snapshot.at("has_more") == true);
}

TEST_CASE("a snapshot that cannot be made ends the stream", "[http]") {
  streaming world;
  world.happen("job.step");
  world.happen("job.step");
  world.engine.first_retained = 2;
  world.engine.refuse_list = fault{.code = fault_code::journal_unavailable};
  CHECK(world.open_from("/api/events", "0")->was_closed());
}

// -- one job ------------------------------------------------------------------

TEST_CASE("a job's stream begins with its first event and ends with its last",
          "[http]") {
  streaming world;
  world.happen("job.accepted");
  world.engine.happen(streaming::event_of(make_job(), "job.accepted"));
  world.happen("job.running");
  const auto stream = world.open(world.job_url());
  CHECK(stream->is_open());
  world.happen("job.step");
  world.finish();
  CHECK(stream->was_closed());
  CHECK(parse(stream->text()).types()
        == std::vector<std::string>{"job.accepted", "job.running", "job.step",
                                    "job.succeeded"});
  CHECK(world.engine.subscribers() == 0);
}

TEST_CASE("every end of a job ends its stream", "[http]") {
  CHECK(is_last_event("job.succeeded"));
  CHECK(is_last_event("job.failed"));
  CHECK(is_last_event("job.cancelled"));
  CHECK_FALSE(is_last_event("job.parked"));
  CHECK_FALSE(is_last_event("job.step"));
}

TEST_CASE("an ended job's stream tells all and ends", "[http]") {
  streaming world;
  world.happen("job.accepted");
  world.finish();
  const auto stream = world.open(world.job_url());
  CHECK(stream->was_closed());
  CHECK(parse(stream->text()).ids() == std::vector<std::string>{"1", "2"});
}

TEST_CASE("a client that has heard the end is told not to come back",
          "[http]") {
  streaming world;
  world.happen("job.accepted");
  world.finish();
  const auto answer =
      world.ask("GET", world.job_url(), {}, {{"Last-Event-ID", "2"}});
  CHECK(answer.status == 204);
  SECTION("one that has not hears the rest") {
    const auto stream = world.open_from(world.job_url(), "1");
    CHECK(stream->was_closed());
    CHECK(parse(stream->text()).types()
          == std::vector<std::string>{"job.succeeded"});
  }
}

TEST_CASE("an end that is not in the log any more is told by a reset",
          "[http]") {
  streaming world;
  world.happen("job.accepted");
  world.finish();
  world.engine.happen(streaming::event_of(make_job(), "job.accepted"));
  world.engine.first_retained = 3;
  const auto stream = GENERATE(true, false)
                          ? world.open(world.job_url())
                          : world.open_from(world.job_url(), "1");
  CHECK(stream->was_closed());
  const auto told = parse(stream->text());
  REQUIRE(told.types() == std::vector<std::string>{"reset"});
  CHECK(told.events[0].object().at("jobs")[0].at("done") == true);
}

TEST_CASE("a job's first events may be gone without a reset", "[http]") {
  streaming world;
  world.happen("job.accepted");
  world.happen("job.running");
  world.engine.first_retained = 2;
  const auto stream = world.open(world.job_url());
  CHECK(parse(stream->text()).types()
        == std::vector<std::string>{"job.running"});
}

TEST_CASE("a job that resumes behind the log is shown as it is", "[http]") {
  streaming world;
  for (int i = 0; i < 4; ++i)
    world.happen("job.step");
  world.engine.first_retained = 4;
  const auto stream = world.open_from(world.job_url(), "1");
  world.finish();
  CHECK(parse(stream->text()).types()
        == std::vector<std::string>{"reset", "job.succeeded"});
  CHECK(stream->was_closed());
}

TEST_CASE("a job that is not there has no stream", "[http]") {
  streaming world;
  const auto answer = world.ask("GET", "/api/jobs/" + some_job + "/events");
  CHECK(answer.status == 404);
  CHECK(code_of(answer) == "job-not-found");
}

// -- progress -----------------------------------------------------------------

TEST_CASE("progress is told without an id, as the job is shown", "[http]") {
  streaming world;
  const auto stream = world.open_from("/api/events", "0");
  const auto view = world.engine.put(
      world.job, 1, jobs::progress{.done = 1, .total = 4, .unit = "entries"});
  world.engine.deliver({{}, {view}, false});
  const auto told = parse(stream->text());
  REQUIRE(told.types() == std::vector<std::string>{"job.progress"});
  CHECK(told.events[0].id.empty());
  CHECK(told.events[0].object().at("progress").at("percent") == 25);
}

TEST_CASE("nothing is told of an ended job's progress", "[http]") {
  streaming world;
  const auto stream = world.open("/api/events");
  const auto view = world.engine.put(ended(world.job, job_state::succeeded), 2);
  world.engine.deliver({{}, {view}, false});
  CHECK(parse(stream->text()).events.empty());
}

// -- slow and vanished clients ------------------------------------------------

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
      world.open_from("/api/events", parse(stream->text()).last_id);
  CHECK(parse(again->text()).ids() == std::vector<std::string>{"2"});
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
  CHECK(parse(here->text()).comments == 1);
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
  const auto told = parse(stream->text());
  REQUIRE(told.events.size() == 200);
  CHECK(told.comments == 200);
  CHECK(told.last_id == "200");
}
