// Jobs whose node stops or is killed.
#include "tests/jobs/story.hpp"

#include <catch2/catch.hpp>

#include <variant>

using namespace alula::jobs;
using namespace alula::jobs::stories;

TEST_CASE("a graceful stop costs no attempt", "[lifecycle]") {
  story s;
  s.start().on(happened::interrupted{});
  CHECK(s.job.state == job_state::queued);
  CHECK(s.job.attempt == 0);
  CHECK(s.job.crashes == 0);
  s.start().done();
  CHECK(s.step(0) == step_state::done);
}

TEST_CASE("a crash is counted in the step that ran", "[lifecycle]") {
  story s;
  s.start().done().start().on(happened::adopted{boot + 1});
  CHECK(s.job.state == job_state::running);
  CHECK(s.job.boot == boot + 1);
  CHECK(s.job.steps[1].crashes == 1);
  CHECK(s.job.attempt == 0);
  CHECK(std::get<run_step>(next_action(s.job, t0)).index == 1);
}

TEST_CASE("a crash between two steps is nobody's fault", "[lifecycle]") {
  story s;
  s.start().done().on(happened::adopted{boot + 1});
  CHECK(s.job.crashes == 0);
}

TEST_CASE("three crashes in one step park the job", "[lifecycle]") {
  story s;
  s.start();
  s.on(happened::adopted{4}).start().on(happened::adopted{5}).start();
  CHECK(s.job.state == job_state::running);
  s.on(happened::adopted{6});
  CHECK(s.job.state == job_state::parked);
  CHECK(s.job.error->code == fault_code::crashed);
}

TEST_CASE("a step that gets further each time may be killed for ever",
          "[lifecycle]") {
  story s;
  s.start().done().start();
  for (int i = 1; i <= 10; ++i)
    s.on(happened::adopted{boot + i, true, 100 * i}).start();
  CHECK(s.job.state == job_state::running);
  CHECK(s.job.steps[1].crashes == 1);
  CHECK(s.job.steps[1].reached == 1'000);
  CHECK(s.job.crashes == 10);
}

TEST_CASE("a step that dies at the same place each time is parked",
          "[lifecycle]") {
  story s;
  s.start().done().start();
  s.on(happened::adopted{boot + 1, true, 100}).start();
  s.on(happened::adopted{boot + 2, true, 99}).start();
  s.on(happened::adopted{boot + 3, true, 100});
  CHECK(s.job.state == job_state::parked);
  CHECK(s.job.error->code == fault_code::crashed);
}

TEST_CASE("a clean restart counts no crash", "[lifecycle]") {
  story s;
  s.start();
  for (int i = 0; i < 5; ++i)
    s.on(happened::adopted{boot + i, false}).start();
  CHECK(s.job.state == job_state::running);
}
