#include "jobs/lifecycle.hpp"

#include "jobs/changing_job.hpp"
#include "jobs/lifecycle_words.hpp"
#include "jobs/next_action.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace alula::jobs {

namespace {

fault misplaced(const job_record& job, std::string_view what) {
  return {.code = fault_code::internal,
          .what = "job " + job.id.to_string() + " is "
                  + std::string{to_string(job.state)} + ", so \""
                  + std::string{what} + "\" cannot happen to it"};
}

/// One happening applied to one record.
struct transition : changing_job {
  using changing_job::changing_job;

  result<decision> operator()(const happened::step_started& h) {
    const bool undoing = job.state == job_state::cancelling;
    const auto index = undoing ? step_to_undo(job) : forward_step(job);
    if (!index || is_terminal(job.state) || job.state == job_state::parked)
      return misplaced(job, "step started");
    job.boot = h.boot;
    if (!h.pool.empty())
      job.pool = h.pool;
    explain({}, {});
    if (job.started_at == 0)
      job.started_at = now;
    auto& step = job.steps[*index];
    if (step.started_at == 0)
      step.started_at = now;
    step.state = undoing ? step_state::undoing : step_state::started;
    step.finished_at = 0;
    if (!undoing && job.state != job_state::running)
      enter(job_state::running);
    tell_step(step);
    return changed();
  }

  result<decision> operator()(const happened::step_done& h) {
    const auto index = forward_step(job);
    const bool expected =
        job.state == job_state::running || job.state == job_state::cancelling;
    if (!index || !expected || job.steps[*index].state != step_state::started)
      return misplaced(job, "step done");
    auto& step = job.steps[*index];
    // No cancel is accepted once a pivot runs, so this one failed before.
    if (step.cls == step_class::pivot && job.state == job_state::cancelling)
      return misplaced(job, "pivot done");
    step.state = step_state::done;
    step.finished_at = now;
    step.output = h.output;
    step.error.reset();
    job.attempt = 0;
    let_go();
    if (step.cls == step_class::pivot)
      job.past_pivot = true;
    if (!h.job_result.empty())
      job.result = h.job_result;
    tell_step(step);
    if (job.state == job_state::running && !forward_step(job))
      finish(job_state::succeeded);
    return changed();
  }

  result<decision> operator()(const happened::step_failed& h) {
    if (job.state == job_state::cancelling)
      return unchanged();
    const auto index = forward_step(job);
    if (!index || job.state != job_state::running)
      return misplaced(job, "step failed");
    auto& step = job.steps[*index];
    step.error = h.why;
    if (h.retry.cls == error_class::transient)
      job.attempt = ++step.attempt;
    tell_step(step);
    if (may_try_again(h.retry.cls, step))
      hold_up(reason_of(h.why.code), h.why.what, now + h.retry.delay.count());
    else
      give_up(h.why);
    return changed();
  }

  result<decision> operator()(const happened::step_waits& h) {
    if (job.state == job_state::cancelling)
      return unchanged();
    if (job.state != job_state::running)
      return misplaced(job, "step waits");
    hold_up(h.reason, h.message, h.until);
    return changed();
  }

  result<decision> operator()(const happened::step_went_on& h) {
    if (job.state == job_state::cancelling)
      return unchanged();
    const auto index = forward_step(job);
    if (!index || job.state != job_state::running
        || job.steps[*index].state != step_state::started)
      return misplaced(job, "step went on");
    auto& step = job.steps[*index];
    step.output = h.output;
    if (!h.job_result.empty())
      job.result = h.job_result;
    step.error.reset();
    step.attempt = 0;
    step.crashes = 0;
    job.attempt = 0;
    let_go();
    return changed();
  }

  result<decision> operator()(const happened::interrupted&) {
    if (job.state == job_state::cancelling)
      return unchanged();
    if (job.state != job_state::running)
      return misplaced(job, "interrupted");
    explain("Interrupted", "alula was stopped; the job goes on at its start");
    job.run_at = now;
    enter(job_state::queued);
    return changed();
  }

  result<decision> operator()(const happened::adopted& h) {
    const bool undoing = job.state == job_state::cancelling;
    if (job.state != job_state::running && !undoing)
      return misplaced(job, "adopted");
    job.boot = h.boot;
    const auto index = undoing ? step_to_undo(job) : forward_step(job);
    const bool in_step = index
                         && (job.steps[*index].state == step_state::started
                             || job.steps[*index].state == step_state::undoing);
    if (h.crashed && in_step) {
      auto& step = job.steps[*index];
      ++job.crashes;
      if (h.done > step.reached) {
        step.reached = h.done;
        step.crashes = 0;
      }
      if (++step.crashes >= max_crashes_in_one_step) {
        park({.code = fault_code::crashed,
              .what = "alula died " + std::to_string(step.crashes)
                      + " times in step \"" + step.name + "\"",
              .where = step.name});
        return changed();
      }
    }
    tell("job.adopted");
    return changed();
  }

  result<decision> operator()(const happened::delayed& h) {
    if (job.is_done())
      return misplaced(job, "delayed");
    if (job.reason == h.reason && job.message == h.message)
      return unchanged();
    explain(h.reason, h.message);
    tell("job.waiting");
    return changed();
  }

  result<decision> operator()(const happened::cancel_requested& h) {
    if (job.is_done())
      return fault{.code = fault_code::already_finished,
                   .what = "the job has already "
                           + std::string{to_string(job.state)}};
    if (job.state == job_state::cancelling)
      return unchanged();
    if (!job.is_cancellable())
      return fault{.code = fault_code::past_pivot,
                   .what = "the job is past the point where it can be undone; "
                           "it runs to its end"};
    if (job.cancel_requested_at == 0)
      job.cancel_requested_at = now;
    roll_back(h.boot);
    return changed();
  }

  result<decision> operator()(const happened::undo_done&) {
    const auto index = step_to_undo(job);
    if (job.state != job_state::cancelling || !index)
      return misplaced(job, "undo done");
    auto& step = job.steps[*index];
    step.state = step_state::undone;
    step.finished_at = now;
    step.attempt = 0;
    let_go();
    tell_step(step);
    job.run_at = now;
    if (!step_to_undo(job))
      finish_rolled_back();
    return changed();
  }

  result<decision> operator()(const happened::undo_failed& h) {
    const auto index = step_to_undo(job);
    if (job.state != job_state::cancelling || !index
        || job.steps[*index].state != step_state::undoing)
      return misplaced(job, "undo failed");
    auto& step = job.steps[*index];
    step.error = h.why;
    if (h.retry.cls == error_class::transient)
      job.attempt = ++step.attempt;
    tell_step(step);
    if (h.retry.cls == error_class::permanent
        || step.attempt >= job.max_attempts) {
      park(h.why);
    } else {
      explain_held(reason_of(h.why.code), h.why.what);
      job.run_at = now + h.retry.delay.count();
      tell("job.waiting");
    }
    return changed();
  }

  result<decision> operator()(const happened::retry_requested& h) {
    if (job.state != job_state::parked)
      return fault{.code = fault_code::not_parked,
                   .what = "the job is " + std::string{to_string(job.state)}};
    const bool goes_back = is_going_back();
    job.attempt = 0;
    for (auto& step : job.steps) {
      step.attempt = 0;
      step.crashes = 0;
      step.reached = 0;
    }
    if (goes_back) {
      roll_back(h.boot);
    } else {
      job.error.reset();
      explain("Retried", "offered another try");
      job.run_at = now;
      enter(job_state::retry_wait);
    }
    return changed();
  }

  result<decision> operator()(const happened::abandoned& h) {
    if (job.state != job_state::parked)
      return fault{.code = fault_code::not_parked,
                   .what = "only a parked job can be abandoned; this one is "
                           + std::string{to_string(job.state)}};
    const auto was = job.error ? job.error->what : std::string{};
    job.error = fault{.code = fault_code::abandoned,
                      .what = h.why + " (it was parked: " + was + ")"};
    finish(job_state::failed);
    return changed();
  }

  result<decision> operator()(const happened::unrunnable& h) {
    if (job.is_done() || job.state == job_state::parked)
      return misplaced(job, "unrunnable");
    park(h.why);
    return changed();
  }
};

} // namespace

result<decision> decide(const job_record& before, const happening& what,
                        time_ms now, const retention& keep) {
  return std::visit(transition{before, now, keep}, what);
}

} // namespace alula::jobs
