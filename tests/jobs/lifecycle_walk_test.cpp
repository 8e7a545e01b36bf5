// Random walks through the state machine: whatever happens to a job, in
// whatever order, the promises of job-engine B.2 hold.
#include "jobs/lifecycle.hpp"
#include "jobs/next_action.hpp"
#include "tests/doubles/instrumented.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

/// Said a hundred million times: an assertion of Catch's costs many times what
/// it asserts here.
#define MUST(...)                                                              \
  do {                                                                         \
    if (!(__VA_ARGS__))                                                        \
      FAIL(#__VA_ARGS__);                                                      \
  } while (false)

using namespace alula::jobs;
using namespace std::chrono_literals;

namespace {

step_outcome not_run(step_context&) {
  return step_done{};
}

const kind kinds[] = {
    {.name = "walk.saga",
     .max_attempts = 3,
     .steps = {{.name = "a", .cls = step_class::compensatable, .run = not_run},
               {.name = "b", .cls = step_class::compensatable, .run = not_run},
               {.name = "c", .cls = step_class::pivot, .run = not_run},
               {.name = "d", .cls = step_class::retriable, .run = not_run}}},
    {.name = "walk.one_way",
     .max_attempts = 3,
     .pivot_at_accept = true,
     .steps = {{.name = "a", .cls = step_class::retriable, .run = not_run},
               {.name = "b", .cls = step_class::retriable, .run = not_run}}},
    {.name = "walk.undoable",
     .max_attempts = 3,
     .steps = {{.name = "a",
                .cls = step_class::compensatable,
                .run = not_run}}},
};

happening draw(std::mt19937& random) {
  const fault why{.code = fault_code::io_error, .what = "x"};
  switch (random() % 16) {
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
  case 13:
    return happened::abandoned{"no use"};
  case 14:
    return happened::unrunnable{why};
  default:
    return happened::retry_requested{1};
  }
}

/// What the schema's CHECKs say of a row, in words of our own.
void check_record(const job_record& job) {
  using enum job_state;
  const bool runs = job.state == running || job.state == cancelling;
  MUST(runs == (job.boot != 0));
  MUST(job.is_done() == (job.finished_at != 0));
  MUST(job.is_done() == (job.expires_at != 0));
  if (job.state == succeeded) {
    MUST(!job.error);
    for (const auto& step : job.steps)
      MUST(step.state == step_state::done);
  }
  if (job.state == failed || job.state == parked)
    MUST(job.error);
  // One that was given up may leave anything.
  const bool given_up = job.error && job.error->code == fault_code::abandoned;
  if (job.state == cancelled || (job.state == failed && !given_up))
    for (const auto& step : job.steps)
      MUST((step.state == step_state::undone
            || step.state == step_state::pending));
  if (job.state == cancelled)
    MUST(!job.past_pivot);
  MUST((job.waiting_since != 0) == !job.reason.empty());
  MUST((job.held_since != 0) == !job.held_by.empty());
  MUST((job.held_by_since != 0) == !job.held_by.empty());
  MUST(job.held_since <= job.held_by_since);
  MUST(!(job.is_done() && job.held_since != 0));
  MUST(!(job.state == succeeded && job.cancel_requested_at != 0));
  MUST(job.attempt <= job.max_attempts);
  bool earlier_open = false;
  for (const auto& step : job.steps) {
    MUST((step.state == step_state::pending) == (step.started_at == 0));
    const bool ended =
        step.state == step_state::done || step.state == step_state::undone;
    MUST(ended == (step.finished_at != 0));
    if (step.state == step_state::started)
      MUST(!earlier_open);
    earlier_open = earlier_open || step.state == step_state::pending
                   || step.state == step_state::started;
  }
}

void check_move(const job_record& before, const job_record& after) {
  if (before.state != after.state)
    MUST(may_follow(before.state, after.state));
  MUST(after.version - before.version <= 1);
  MUST(after.past_pivot >= before.past_pivot);
  MUST(!before.is_done());
  if (before.cancel_requested_at != 0)
    MUST(after.cancel_requested_at == before.cancel_requested_at);
  if (before.past_pivot)
    for (std::size_t i = 0; i < after.steps.size(); ++i)
      MUST(after.steps[i].state != step_state::undoing);
}

std::string picture(const job_record& job) {
  auto out = job.kind + " " + std::string{to_string(job.state)} + ":";
  for (const auto& step : job.steps)
    out += " " + step.name + " " + std::string{to_string(step.state)};
  return out;
}

} // namespace

TEST_CASE("no walk leads a job into a state it must not be in", "[lifecycle]") {
  std::mt19937 random{20'261'120};
  const retention keep;
  constexpr int walks = alula::doubles::is_instrumented ? 5'000 : 25'000;
  for (int walk = 0; walk < walks; ++walk) {
    auto job = plan(kinds[random() % 3], {}, 1000);
    bool goes_back = false; // and never forward again
    for (int i = 0; i < 24 && !job.is_done(); ++i) {
      auto made = decide(job, draw(random), 1000 + i, keep);
      if (!made)
        continue;
      check_move(job, made->after);
      check_record(made->after);
      job = made->after;
      goes_back = goes_back || job.state == job_state::cancelling;
      if (goes_back)
        MUST((job.state == job_state::cancelling
              || job.state == job_state::parked
              || job.state == job_state::cancelled
              || job.state == job_state::failed));
    }
  }
}

TEST_CASE("once the world is whole again every walk comes to an end",
          "[lifecycle]") {
  std::mt19937 random{7};
  const retention keep;
  constexpr int walks = alula::doubles::is_instrumented ? 1'000 : 10'000;
  for (int walk = 0; walk < walks; ++walk) {
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
      if (std::holds_alternative<wait_until>(next))
        continue;
      if (std::holds_alternative<nothing>(next))
        FAIL("nothing is to be done about " << picture(job));
      job = decide(job, happened::step_started{9}, now, keep)->after;
      const auto ended = std::holds_alternative<run_step>(next)
                             ? happening{happened::step_done{}}
                             : happening{happened::undo_done{}};
      job = decide(job, ended, now, keep)->after;
    }
    if (!job.is_done())
      FAIL("it does not come to an end: " << picture(job));
  }
}
