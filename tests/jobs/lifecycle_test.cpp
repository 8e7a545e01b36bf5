#include "jobs/lifecycle.hpp"

#include <catch2/catch.hpp>

using namespace alula::jobs;
using namespace std::chrono_literals;

namespace {

constexpr time_ms t0 = 1'700'000'000'000;
constexpr std::int64_t boot = 3;
const retention keep;

step_outcome unused(step_context&) {
  return step_done{};
}

const kind saga{
    .name = "test.saga",
    .max_attempts = 3,
    .answer_after = "turn",
    .steps = {{.name = "make", .cls = step_class::compensatable, .run = unused},
              {.name = "turn", .cls = step_class::pivot, .run = unused},
              {.name = "tidy", .cls = step_class::retriable, .run = unused}}};

const kind one_way{
    .name = "test.one_way",
    .pivot_at_accept = true,
    .steps = {{.name = "go", .cls = step_class::retriable, .run = unused}}};

const kind sideways{
    .name = "test.sideways",
    .lane = "trash",
    .steps = {{.name = "go", .cls = step_class::retriable, .run = unused}}};

/// A job and what happens to it, in words.
struct story {
  job_record job;
  std::vector<event_draft> events;
  time_ms now = t0;

  explicit story(const kind& k = saga) : job(plan(k, {}, t0)) {}

  story& on(const happening& what) {
    auto made = decide(job, what, now, keep);
    REQUIRE(made);
    if (made->after.state != job.state)
      REQUIRE(may_follow(job.state, made->after.state));
    job = made->after;
    events = made->events;
    return *this;
  }
  story& start() { return on(happened::step_started{boot}); }
  story& done(std::string out = {}) {
    return on(happened::step_done{std::move(out), {}});
  }
  story& fail(fault_code code = fault_code::io_error) {
    const fault why{.code = code, .what = "broken"};
    return on(happened::step_failed{why, {classify(code), 1s}});
  }
  story& cancel() { return on(happened::cancel_requested{boot}); }
  fault refuses(const happening& what) {
    auto made = decide(job, what, now, keep);
    REQUIRE_FALSE(made);
    return made.error();
  }
  step_state step(std::size_t i) const { return job.steps[i].state; }
};

template<class T>
bool is(const action& a) {
  return std::holds_alternative<T>(a);
}

} // namespace

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
