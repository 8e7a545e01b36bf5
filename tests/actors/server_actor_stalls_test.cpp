#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;
using jobs::job_state;
using strings = std::vector<std::string>;

TEST_CASE("a step without a sign of life is asked to stop and tried again",
          "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.watched.w");
  const auto id = w.submit(watched, 1);
  REQUIRE(w.script.wait_for("in test.watched.w"));
  w.until(id, job_state::running);
  w.pass(60s);
  const auto job = w.until(id, job_state::retry_wait);
  CHECK(job.steps[0].error->code == fault_code::stuck);
  CHECK(job.attempt == 1);
  w.script.open_all();
  w.pass(1h);
  CHECK(w.end_of(id).state == job_state::succeeded);
}

TEST_CASE("a report is a sign of life", "[actors]") {
  engine_world w;
  w.boot();
  gate door;
  w.script.let("test.watched.w",
               [&](jobs::step_context& ctx) -> jobs::step_outcome {
                 w.script.write("began");
                 // Half a minute at a time, never a whole one in silence.
                 for (int i = 0; i < 6; ++i) {
                   w.pass(30s);
                   ctx.report({.done = i, .unit = "entries", .message = {}});
                 }
                 if (ctx.stop.stop_requested())
                   return stopped();
                 return jobs::step_done{};
               });
  CHECK(w.end_of(w.submit(watched, 1)).state == job_state::succeeded);
}

TEST_CASE("a stuck step is shown, replaced in its pool, and counts when it "
          "returns",
          "[actors]") {
  engine_world w;
  w.boot();
  const auto before = log_book().count("step-stuck");
  w.script.hold("test.watched.w", true);
  const auto id = w.submit(watched, 1); // the pool "narrow" has one worker
  REQUIRE(w.script.wait_for("in test.watched.w"));
  w.until(id, job_state::running);
  const auto stalled = log_book().count("step-stalled");
  w.pass(60s);
  REQUIRE(log_book().wait_for("step-stalled", stalled + 1));
  w.pass_until(10s, [&] { return log_book().count("step-stuck") > before; });
  const auto job = w.until_reason(id, "Stuck");
  CHECK(job.state == job_state::running);
  CHECK(w.end_of(w.submit(narrow, 2)).state == job_state::succeeded);
  w.script.open("test.watched.w");
  CHECK(w.end_of(id).state == job_state::succeeded);
  CHECK(w.script.count("test.watched.w @1") == 1);
  CHECK(w.end_of(w.submit(narrow, 3)).state == job_state::succeeded);
}
