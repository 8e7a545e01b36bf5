/// What happens to a job, told in words to the rules of its lifecycle.
#pragma once

#include "jobs/lifecycle.hpp"
#include "jobs/next_action.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace alula::jobs::stories {

using namespace std::chrono_literals;

constexpr time_ms t0 = 1'700'000'000'000;
constexpr std::int64_t boot = 3;
inline const retention keep;

inline step_outcome unused(step_context&) {
  return step_done{};
}

inline const kind saga{
    .name = "test.saga",
    .max_attempts = 3,
    .answer_after = "turn",
    .steps = {{.name = "make", .cls = step_class::compensatable, .run = unused},
              {.name = "turn", .cls = step_class::pivot, .run = unused},
              {.name = "tidy", .cls = step_class::retriable, .run = unused}}};

inline const kind one_way{
    .name = "test.one_way",
    .pivot_at_accept = true,
    .steps = {{.name = "go", .cls = step_class::retriable, .run = unused}}};

inline const kind sideways{
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

} // namespace alula::jobs::stories
