// Jobs that are cancelled, or go back for another reason.
#include "tests/jobs/story.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <variant>

using namespace alula::jobs;
using namespace alula::jobs::stories;
using namespace std::chrono_literals;

TEST_CASE("attempts used up before the pivot roll the job back",
          "[lifecycle]") {
  story s;
  s.start().done().start();
  s.fail().start().fail().start().fail();
  CHECK(s.job.state == job_state::cancelling);
  CHECK(std::get<undo_step>(next_action(s.job, t0)).index == 1);
  s.start().on(happened::undo_done{});
  CHECK(std::get<undo_step>(next_action(s.job, t0)).index == 0);
  s.start().on(happened::undo_done{});
  CHECK(s.job.state == job_state::failed);
  REQUIRE(s.job.error);
  CHECK(s.job.error->code == fault_code::io_error);
  CHECK(s.step(0) == step_state::undone);
  CHECK(s.step(2) == step_state::pending);
}

TEST_CASE("a queued job that did nothing is cancelled at once", "[lifecycle]") {
  story s;
  s.cancel();
  CHECK(s.job.state == job_state::cancelled);
}

TEST_CASE("a cancelled job undoes what it did before it ends", "[lifecycle]") {
  story s;
  s.start().done().cancel();
  CHECK(s.job.state == job_state::cancelling);
  CHECK(s.job.cancel_requested_at == t0);
  s.start();
  CHECK(s.step(0) == step_state::undoing);
  s.on(happened::undo_done{});
  CHECK(s.job.state == job_state::cancelled);
  CHECK_FALSE(s.job.error);
}

TEST_CASE("a second cancel changes nothing", "[lifecycle]") {
  story s;
  s.start().cancel();
  const auto version = s.job.version;
  s.cancel();
  CHECK(s.job.version == version);
  CHECK(s.events.empty());
}

TEST_CASE("past the pivot, and while it runs, a cancel is refused",
          "[lifecycle]") {
  story s;
  s.start().done().start();
  CHECK(s.refuses(happened::cancel_requested{boot}).code
        == fault_code::past_pivot);
  s.done();
  CHECK(s.refuses(happened::cancel_requested{boot}).code
        == fault_code::past_pivot);
}

TEST_CASE("an ended job cannot be cancelled", "[lifecycle]") {
  story s;
  s.cancel();
  CHECK(s.refuses(happened::cancel_requested{boot}).code
        == fault_code::already_finished);
}

TEST_CASE("a step that ends while the job is cancelled is undone too",
          "[lifecycle]") {
  story s;
  s.start().cancel().done();
  CHECK(s.job.state == job_state::cancelling);
  CHECK(s.step(0) == step_state::done);
  CHECK(std::get<undo_step>(next_action(s.job, t0)).index == 0);
}

TEST_CASE("a step stopped by the cancel is undone, half done as it may be",
          "[lifecycle]") {
  story s;
  s.start().cancel().fail(fault_code::interrupted);
  CHECK(s.step(0) == step_state::started);
  CHECK(is<undo_step>(next_action(s.job, t0)));
}

TEST_CASE("an undo that fails for good parks the job", "[lifecycle]") {
  story s;
  s.start().done().cancel().start();
  s.on(happened::undo_failed{{.code = fault_code::internal, .what = "stuck"},
                             {error_class::permanent, 0ms}});
  CHECK(s.job.state == job_state::parked);
  s.on(happened::retry_requested{boot});
  CHECK(s.job.state == job_state::cancelling);
  s.start().on(happened::undo_done{});
  CHECK(s.job.state == job_state::cancelled);
}

TEST_CASE("an undo that may work later is tried again", "[lifecycle]") {
  story s;
  s.start().done().cancel().start();
  s.on(happened::undo_failed{{.code = fault_code::io_error, .what = "busy"},
                             {error_class::transient, 1s}});
  CHECK(s.job.state == job_state::cancelling);
  CHECK(is<wait_until>(next_action(s.job, t0)));
  CHECK(is<undo_step>(next_action(s.job, t0 + 1000)));
}

TEST_CASE("a job that was going back when it was parked goes back when it is "
          "tried again",
          "[lifecycle]") {
  story s;
  s.start();
  SECTION("cancelled, and killed before an undo began") {
    s.on(happened::adopted{boot}).on(happened::adopted{boot});
    s.cancel().on(happened::adopted{boot});
  }
  SECTION("failed, and killed before an undo began") {
    s.done().start().fail(fault_code::docker_refused);
    for (int i = 0; i < max_crashes_in_one_step; ++i)
      s.on(happened::adopted{boot});
  }
  SECTION("failed, and of no kind this release knows") {
    s.fail(fault_code::docker_refused);
    s.on(happened::unrunnable{{.what = "unknown"}});
  }
  REQUIRE(s.job.state == job_state::parked);
  s.on(happened::retry_requested{boot});
  CHECK(s.job.state == job_state::cancelling);
  while (!s.job.is_done())
    s.on(happened::step_started{boot}).on(happened::undo_done{});
  CHECK(s.job.state
        == (s.job.cancel_requested_at != 0 ? job_state::cancelled
                                           : job_state::failed));
}

TEST_CASE("a parked job that did nothing is cancelled at once", "[lifecycle]") {
  story s;
  s.on(happened::unrunnable{{.what = "unknown"}});
  SECTION("as it is") {}
  SECTION("offered another try") {
    s.on(happened::retry_requested{boot});
    REQUIRE(s.job.state == job_state::retry_wait);
  }
  s.cancel();
  CHECK(s.job.state == job_state::cancelled);
  CHECK_FALSE(s.job.error);
}

TEST_CASE("a cancel is dated when it was accepted", "[lifecycle]") {
  story s;
  s.start().cancel();
  s.on(happened::unrunnable{{.what = "unknown"}});
  s.now += 1000;
  s.cancel();
  CHECK(s.job.state == job_state::cancelling);
  CHECK(s.job.cancel_requested_at == t0);
}
