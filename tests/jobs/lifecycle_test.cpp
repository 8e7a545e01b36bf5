#include "tests/jobs/story.hpp"

#include <catch2/catch.hpp>

#include <variant>

using namespace alula::jobs;
using namespace alula::jobs::stories;

TEST_CASE("a planned job has its steps, its answer mark and its lane's suffix",
          "[lifecycle]") {
  const auto job = plan(sideways, {}, t0);
  CHECK(job.state == job_state::queued);
  CHECK(job.lane == "trash");
  const auto marked = plan(saga, {}, t0);
  CHECK(marked.steps.size() == 3);
  CHECK(marked.answer_after == 1);
  CHECK_FALSE(marked.past_pivot);
  CHECK(plan(one_way, {}, t0).past_pivot);
}

TEST_CASE("a job runs its steps in order to success", "[lifecycle]") {
  story s;
  s.start();
  CHECK(s.job.state == job_state::running);
  CHECK(s.job.boot == boot);
  s.done("{\"a\":1}").start().done();
  CHECK(s.job.past_pivot);
  CHECK(s.job.is_answered());
  s.start().done();
  CHECK(s.job.state == job_state::succeeded);
  CHECK(s.job.boot == 0);
  CHECK(s.job.finished_at == t0);
  CHECK(s.job.expires_at == t0 + keep.succeeded.count());
  CHECK(s.job.steps[0].output == "{\"a\":1}");
  CHECK(is<nothing>(next_action(s.job, t0)));
}

TEST_CASE("every change steps the version by one", "[lifecycle]") {
  story s;
  CHECK(s.job.version == 1);
  s.start();
  CHECK(s.job.version == 2);
  s.done();
  CHECK(s.job.version == 3);
}

TEST_CASE("a transient failure waits and uses an attempt", "[lifecycle]") {
  story s;
  s.start().fail();
  CHECK(s.job.state == job_state::retry_wait);
  CHECK(s.job.attempt == 1);
  CHECK(s.job.reason == "IoError");
  CHECK(s.job.run_at == t0 + 1000);
  CHECK(is<wait_until>(next_action(s.job, t0)));
  CHECK(is<run_step>(next_action(s.job, t0 + 1000)));
}

TEST_CASE("a busy world uses no attempt", "[lifecycle]") {
  story s;
  for (int i = 0; i < 10; ++i)
    s.start().fail(fault_code::docker_unavailable);
  CHECK(s.job.state == job_state::retry_wait);
  CHECK(s.job.attempt == 0);
  CHECK(s.job.reason == "DockerUnavailable");
}

TEST_CASE("a step that succeeds at last forgets its failures", "[lifecycle]") {
  story s;
  s.start().fail().start().done();
  CHECK(s.job.attempt == 0);
  CHECK_FALSE(s.job.steps[0].error);
}

TEST_CASE("a permanent failure before the pivot rolls back at once",
          "[lifecycle]") {
  story s;
  s.start().fail(fault_code::docker_refused);
  CHECK(s.job.state == job_state::cancelling);
}

TEST_CASE("a permanent failure past the pivot parks the job", "[lifecycle]") {
  story s;
  s.start().done().start().done().start().fail(fault_code::docker_refused);
  CHECK(s.job.state == job_state::parked);
  CHECK(s.job.error->code == fault_code::docker_refused);
  CHECK(s.job.boot == 0);
  CHECK(is<nothing>(next_action(s.job, t0)));
}

TEST_CASE("a parked job goes on after a retry, with fresh attempts",
          "[lifecycle]") {
  story s{one_way};
  s.start().fail(fault_code::docker_refused);
  REQUIRE(s.job.state == job_state::parked);
  s.on(happened::retry_requested{boot});
  CHECK(s.job.state == job_state::retry_wait);
  CHECK_FALSE(s.job.error);
  s.start().done();
  CHECK(s.job.state == job_state::succeeded);
}

TEST_CASE("only a parked job is retried or abandoned", "[lifecycle]") {
  story s;
  CHECK(s.refuses(happened::retry_requested{boot}).code
        == fault_code::not_parked);
  CHECK(s.refuses(happened::abandoned{"x"}).code == fault_code::not_parked);
}

TEST_CASE("an abandoned job fails with the operator's words", "[lifecycle]") {
  story s{one_way};
  s.start().fail(fault_code::docker_refused);
  s.on(happened::abandoned{"the disk is gone"});
  CHECK(s.job.state == job_state::failed);
  CHECK(s.job.error->what.starts_with("the disk is gone"));
}

TEST_CASE("a deadline ends the tries before the pivot, never after it",
          "[lifecycle]") {
  story s;
  s.job.deadline_at = t0 + 10;
  s.now = t0 + 20;
  s.start().fail();
  CHECK(s.job.state == job_state::cancelling);

  story late{one_way};
  late.job.deadline_at = t0 + 10;
  late.now = t0 + 20;
  late.start().fail();
  CHECK(late.job.state == job_state::retry_wait);
}

TEST_CASE("a job that waits says why and until when", "[lifecycle]") {
  story s;
  s.start().on(happened::step_waits{"Retained", "in the trash", t0 + 5000});
  CHECK(s.job.state == job_state::retry_wait);
  CHECK(s.job.reason == "Retained");
  CHECK(s.job.run_at == t0 + 5000);
  s.now = t0 + 5000;
  s.start();
  CHECK(s.job.reason.empty());
}

TEST_CASE("a step that goes on is run again, with what it has said so far",
          "[lifecycle]") {
  story s;
  s.start().fail();
  s.now = s.job.run_at;
  s.start().on(happened::step_went_on{R"({"after":"k"})"});
  CHECK(s.job.state == job_state::running);
  CHECK(s.job.steps[0].state == step_state::started);
  CHECK(s.job.steps[0].output == R"({"after":"k"})");
  // It came further: what had failed before does not count.
  CHECK(s.job.attempt == 0);
  CHECK(s.job.steps[0].attempt == 0);
  CHECK_FALSE(s.job.steps[0].error);
  CHECK(std::holds_alternative<run_step>(next_action(s.job, s.now)));
  s.on(happened::cancel_requested{boot});
  CHECK(s.job.state == job_state::cancelling);
  // One that was on its way is too late, as a wait would be.
  const auto version = s.job.version;
  s.on(happened::step_went_on{"{}"});
  CHECK(s.job.version == version);
  CHECK(s.job.steps[0].output == R"({"after":"k"})");
}

TEST_CASE("what a part of a step has to tell stays when the job fails",
          "[lifecycle]") {
  story s;
  s.start().on(happened::step_went_on{"{}", R"({"cost":1})"});
  s.on(happened::step_went_on{"{}"});
  CHECK(s.job.result == R"({"cost":1})");
  s.fail(fault_code::no_room);
  CHECK(s.job.state != job_state::running);
  CHECK(s.job.result == R"({"cost":1})");
}

TEST_CASE("a job that waits in line changes only its words", "[lifecycle]") {
  story s;
  s.on(happened::delayed{"WaitingInLine", "behind another"});
  CHECK(s.job.state == job_state::queued);
  CHECK(s.job.reason == "WaitingInLine");
  const auto version = s.job.version;
  s.on(happened::delayed{"WaitingInLine", "behind another"});
  CHECK(s.job.version == version);
}

TEST_CASE("a wait begins with its reason and lasts as long as that",
          "[lifecycle]") {
  story s;
  const auto later = [&s](time_ms by) -> story& {
    s.now += by;
    return s;
  };

  SECTION("in whatever words") {
    later(10).on(happened::delayed{"WaitingInLine", "behind one"});
    later(10).on(happened::delayed{"WaitingInLine", "behind another"});
    CHECK(s.job.waiting_since == t0 + 10);
    later(10).on(happened::delayed{"WaitingForWorker", "all are busy"});
    CHECK(s.job.waiting_since == t0 + 30);
    later(10).start();
    CHECK(s.job.waiting_since == 0);
  }
  SECTION("over tries, and what the job waits for between two of them") {
    later(10).start().fail(fault_code::docker_unavailable);
    CHECK(s.job.waiting_since == t0 + 10);
    later(10).start();
    CHECK(s.job.waiting_since == 0); // it tries
    s.fail(fault_code::docker_unavailable);
    CHECK(s.job.waiting_since == t0 + 10);
    later(10).on(happened::delayed{"WaitingForWorker", "all are busy"});
    CHECK(s.job.waiting_since == t0 + 30);
    later(10).start().fail(fault_code::docker_unavailable);
    CHECK(s.job.waiting_since == t0 + 10);
    later(10).start().fail(fault_code::io_error);
    CHECK(s.job.waiting_since == t0 + 50);
  }
  SECTION("and a step is held up from the first of its reasons on") {
    later(10).start().fail(fault_code::docker_unavailable);
    CHECK(s.job.held_since == t0 + 10);
    for (const auto code :
         {fault_code::io_error, fault_code::docker_unavailable,
          fault_code::io_error}) {
      later(10).start().fail(code);
      CHECK(s.job.held_since == t0 + 10);
      CHECK(s.job.held_by_since == s.now);
      CHECK(s.job.waiting_since == s.now);
    }
    later(10).start().done();
    CHECK(s.job.held_since == 0);
    later(10).start().fail(fault_code::io_error);
    CHECK(s.job.held_since == s.now);
  }
  SECTION("over the end of a boot, planned or not") {
    later(10).start().fail(fault_code::docker_unavailable);
    later(10).start().on(happened::interrupted{});
    CHECK(s.job.waiting_since == t0 + 20);
    later(10).start().on(happened::adopted{boot + 1});
    s.start().fail(fault_code::docker_unavailable);
    CHECK(s.job.waiting_since == t0 + 10);
  }
  SECTION("of a step's own accord") {
    later(10).start().on(happened::step_waits{"Retained", "kept", t0 + 99});
    later(10).start().on(happened::step_waits{"Retained", "kept", t0 + 99});
    CHECK(s.job.waiting_since == t0 + 10);
  }
  SECTION("not into the next step") {
    later(10).start().fail(fault_code::docker_unavailable).start().done();
    CHECK(s.job.waiting_since == 0);
    CHECK(s.job.held_by.empty());
    later(10).start().fail(fault_code::docker_unavailable);
    CHECK(s.job.waiting_since == t0 + 20);
  }
  SECTION("not on the way back") {
    later(10).start().fail(fault_code::docker_unavailable);
    later(10).cancel();
    CHECK(s.job.waiting_since == t0 + 20); // for the cancel
    later(10).start();
    const fault why{.code = fault_code::docker_unavailable, .what = "away"};
    const happened::undo_failed again{why, {error_class::busy, 1s}};
    s.on(again);
    CHECK(s.job.waiting_since == t0 + 30);
    later(10).start().on(again);
    CHECK(s.job.waiting_since == t0 + 30);
    s.start().on(happened::undo_done{});
    CHECK(s.job.is_done());
    CHECK(s.job.waiting_since == 0);
    CHECK(s.job.held_since == 0);
  }
  SECTION("a parked job waits since it was parked, and anew when retried") {
    story forward{one_way};
    forward.start().fail(fault_code::docker_unavailable);
    forward.now += 10;
    forward.start().fail(fault_code::docker_refused);
    REQUIRE(forward.job.state == job_state::parked);
    CHECK(forward.job.waiting_since == t0 + 10);
    forward.now += 10;
    forward.on(happened::retry_requested{boot});
    CHECK(forward.job.waiting_since == t0 + 20);
    forward.start().fail(fault_code::docker_unavailable);
    CHECK(forward.job.waiting_since == t0 + 20);
  }
}

TEST_CASE("a job this release cannot run is parked, not dropped",
          "[lifecycle]") {
  story s;
  s.on(happened::unrunnable{
      {.code = fault_code::internal, .what = "unknown kind"}});
  CHECK(s.job.state == job_state::parked);
}

TEST_CASE("the end of a job is told once and last", "[lifecycle]") {
  story s{one_way};
  s.start().done();
  REQUIRE(s.events.size() == 2);
  CHECK(s.events[0].type == "job.step");
  CHECK(s.events[1].type == "job.succeeded");
}

TEST_CASE("a step that a request has no use for is skipped from the accept on",
          "[lifecycle]") {
  const auto job = plan(saga, {.skipped = {"make", "turn"}}, t0);
  CHECK(job.steps[0].state == step_state::skipped);
  CHECK(job.steps[1].state == step_state::skipped);
  const auto next = next_action(job, t0);
  REQUIRE(std::holds_alternative<run_step>(next));
  CHECK(std::get<run_step>(next).index == 2);
  CHECK(job.is_answered());
  CHECK(job.is_cancellable());
}
