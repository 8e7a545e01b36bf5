// Random walks through the state machine: whatever happens to a job, in
// whatever order, the promises of job-engine B.2 hold.
#include "jobs/lifecycle.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using namespace alula::jobs;
using namespace std::chrono_literals;

namespace {

step_outcome unused(step_context&) {
  return step_done{};
}

const kind kinds[] = {
    {.name = "walk.saga",
     .max_attempts = 3,
     .steps = {{.name = "a", .cls = step_class::compensatable, .run = unused},
               {.name = "b", .cls = step_class::compensatable, .run = unused},
               {.name = "c", .cls = step_class::pivot, .run = unused},
               {.name = "d", .cls = step_class::retriable, .run = unused}}},
    {.name = "walk.one_way",
     .max_attempts = 3,
     .pivot_at_accept = true,
     .steps = {{.name = "a", .cls = step_class::retriable, .run = unused},
               {.name = "b", .cls = step_class::retriable, .run = unused}}},
    {.name = "walk.undoable",
     .max_attempts = 3,
     .steps = {{.name = "a", .cls = step_class::compensatable, .run = unused}}},
};

happening draw(std::mt19937& random) {
  const fault why{.code = fault_code::io_error, .what = "x"};
  switch (random() % 14) {
  case 0:
  case 1:
  case 2:
    return happened::step_started{1};
  case 3:
  case 4:
    return happened::step_done{"{}", {}};
  case 5:
    return happened::step_failed{why, {error_class::transient, 1ms}};
  case 6:
    return happened::step_failed{why, {error_class::permanent, 1ms}};
  case 7:
    return happened::step_waits{"W", "w", 5};
  case 8:
    return happened::interrupted{};
  case 9:
    return happened::adopted{2};
  case 10:
    return happened::cancel_requested{1};
  case 11:
    return happened::undo_done{};
  case 12:
    return happened::undo_failed{why, {error_class::transient, 1ms}};
  default:
    return happened::retry_requested{1};
  }
}

/// What the schema's CHECKs say of a row, in words of our own.
void check_record(const job_record& job) {
  using enum job_state;
  const bool runs = job.state == running || job.state == cancelling;
  REQUIRE(runs == (job.boot != 0));
  REQUIRE(job.is_done() == (job.finished_at != 0));
  REQUIRE(job.is_done() == (job.expires_at != 0));
  if (job.state == succeeded) {
    REQUIRE_FALSE(job.error);
    for (const auto& step : job.steps)
      REQUIRE(step.state == step_state::done);
  }
  if (job.state == failed || job.state == parked)
    REQUIRE(job.error);
  if (job.state == cancelled || job.state == failed)
    for (const auto& step : job.steps)
      REQUIRE((step.state == step_state::undone
               || step.state == step_state::pending));
  if (job.state == cancelled)
    REQUIRE_FALSE(job.past_pivot);
  REQUIRE(job.attempt <= job.max_attempts);
  bool earlier_open = false;
  for (const auto& step : job.steps) {
    REQUIRE((step.state == step_state::pending) == (step.started_at == 0));
    const bool ended =
        step.state == step_state::done || step.state == step_state::undone;
    REQUIRE(ended == (step.finished_at != 0));
    if (step.state == step_state::started)
      REQUIRE_FALSE(earlier_open);
    earlier_open = earlier_open || step.state == step_state::pending
                   || step.state == step_state::started;
  }
}

void check_move(const job_record& before, const job_record& after) {
  if (before.state != after.state)
    REQUIRE(may_follow(before.state, after.state));
  REQUIRE(after.version - before.version <= 1);
  REQUIRE(after.past_pivot >= before.past_pivot);
  REQUIRE_FALSE(before.is_done());
  if (before.past_pivot)
    for (std::size_t i = 0; i < after.steps.size(); ++i)
      REQUIRE(after.steps[i].state != step_state::undoing);
}

} // namespace

TEST_CASE("no walk of 100,000 leads a job into a state it must not be in",
          "[lifecycle]") {
  std::mt19937 random{20'261'120};
  const retention keep;
  for (int walk = 0; walk < 100'000; ++walk) {
    auto job = plan(kinds[random() % 3], {}, 1000);
    for (int i = 0; i < 24 && !job.is_done(); ++i) {
      auto made = decide(job, draw(random), 1000 + i, keep);
      if (!made)
        continue;
      check_move(job, made->after);
      check_record(made->after);
      job = made->after;
    }
  }
}

TEST_CASE("once the world is whole again every walk comes to an end",
          "[lifecycle]") {
  std::mt19937 random{7};
  const retention keep;
  for (int walk = 0; walk < 10'000; ++walk) {
    auto job = plan(kinds[random() % 3], {}, 1000);
    time_ms now = 1000;
    for (int i = 0; i < 12; ++i)
      if (auto made = decide(job, draw(random), ++now, keep))
        job = made->after;
    if (job.state == job_state::parked)
      job = decide(job, happened::retry_requested{9}, now, keep)->after;
    for (int i = 0; i < 64 && !job.is_done(); ++i) {
      now += 10;
      const auto next = next_action(job, now);
      INFO(job.kind << " " << to_string(job.state));
      for (const auto& step : job.steps)
        UNSCOPED_INFO(step.name << " " << to_string(step.state));
      if (std::holds_alternative<wait_until>(next))
        continue;
      REQUIRE_FALSE(std::holds_alternative<nothing>(next));
      job = decide(job, happened::step_started{9}, now, keep)->after;
      const auto ended = std::holds_alternative<run_step>(next)
                             ? happening{happened::step_done{}}
                             : happening{happened::undo_done{}};
      job = decide(job, ended, now, keep)->after;
    }
    INFO(to_string(job.state));
    REQUIRE(job.is_done());
  }
}
