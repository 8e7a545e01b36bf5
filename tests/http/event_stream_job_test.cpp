#include "http/event_stream.hpp"
#include "http/event_text.hpp"
#include "tests/http/stream_world.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;
using namespace std::chrono_literals;

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
  CHECK(parse_events(stream->text()).types()
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
  CHECK(parse_events(stream->text()).ids()
        == std::vector<std::string>{"1", "2"});
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
    CHECK(parse_events(stream->text()).types()
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
  const auto told = parse_events(stream->text());
  REQUIRE(told.types() == std::vector<std::string>{"reset"});
  CHECK(told.events[0].object().at("jobs")[0].at("done") == true);
}

TEST_CASE("a job's first events may be gone without a reset", "[http]") {
  streaming world;
  world.happen("job.accepted");
  world.happen("job.running");
  world.engine.first_retained = 2;
  const auto stream = world.open(world.job_url());
  CHECK(parse_events(stream->text()).types()
        == std::vector<std::string>{"job.running"});
}

TEST_CASE("a job that resumes behind the log is shown as it is", "[http]") {
  streaming world;
  for (int i = 0; i < 4; ++i)
    world.happen("job.step");
  world.engine.first_retained = 4;
  const auto stream = world.open_from(world.job_url(), "1");
  world.finish();
  CHECK(parse_events(stream->text()).types()
        == std::vector<std::string>{"reset", "job.succeeded"});
  CHECK(stream->was_closed());
}

TEST_CASE("a job that is not there has no stream", "[http]") {
  streaming world;
  const auto answer = world.ask("GET", "/api/jobs/" + some_job + "/events");
  CHECK(answer.status == 404);
  CHECK(code_of(answer) == "job-not-found");
}
