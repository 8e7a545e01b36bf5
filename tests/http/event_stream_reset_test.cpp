#include "http/event_stream.hpp"
#include "http/event_text.hpp"
#include "tests/http/stream_world.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

TEST_CASE("a cursor before the retained log gets the jobs as they are",
          "[http]") {
  streaming world;
  for (int i = 0; i < 5; ++i)
    world.happen("job.step");
  world.engine.first_retained = 4;
  const auto stream = world.open_from(
      "/api/events?server=" + some_server + "&kind=server.*", "1");
  world.happen("job.succeeded");
  const auto told = parse_events(stream->text());
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
  CHECK(parse_events(stream->text()).ids()
        == std::vector<std::string>{"1", "2"});
  CHECK(parse_events(stream->text()).types()
        == std::vector<std::string>{"reset", "job.step"});
}

TEST_CASE("a snapshot is no bigger than it may be", "[http]") {
  streaming world{{.heartbeat = 1h, .snapshot = 2}};
  for (int i = 0; i < 3; ++i)
    world.engine.put(make_job());
  world.happen("job.step");
  world.happen("job.step");
  world.engine.first_retained = 2;
  const auto told = parse_events(world.open_from("/api/events", "0")->text());
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
  const auto snapshot = parse_events(text).events.at(0).object();
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
