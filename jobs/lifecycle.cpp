#include "jobs/lifecycle.hpp"

#include "jobs/lifecycle_words.hpp"
#include "jobs/next_action.hpp"

#include <algorithm>
#include <utility>

namespace alula::jobs {

namespace {

fault misplaced(const job_record& job, std::string_view what) {
  return {.code = fault_code::internal,
          .what = "job " + job.id.to_string() + " is "
                  + std::string{to_string(job.state)} + ", so \""
                  + std::string{what} + "\" cannot happen to it"};
}

/// One happening applied to one record.
class transition {
public:
  transition(const job_record& before, time_ms now, const retention& keep)
    : before_(before), job_(before), now_(now), keep_(keep) {}

  result<decision> operator()(const happened::step_started& h) {
    const bool undoing = job_.state == job_state::cancelling;
    const auto index = undoing ? step_to_undo(job_) : forward_step(job_);
    if (!index || is_terminal(job_.state) || job_.state == job_state::parked)
      return misplaced(job_, "step started");
    job_.boot = h.boot;
    if (!h.pool.empty())
      job_.pool = h.pool;
    explain({}, {});
    if (job_.started_at == 0)
      job_.started_at = now_;
    auto& step = job_.steps[*index];
    if (step.started_at == 0)
      step.started_at = now_;
    step.state = undoing ? step_state::undoing : step_state::started;
    step.finished_at = 0;
    if (!undoing && job_.state != job_state::running)
      enter(job_state::running);
    tell_step(step);
    return changed();
  }

  result<decision> operator()(const happened::step_done& h) {
    const auto index = forward_step(job_);
    const bool expected =
        job_.state == job_state::running || job_.state == job_state::cancelling;
    if (!index || !expected || job_.steps[*index].state != step_state::started)
      return misplaced(job_, "step done");
    auto& step = job_.steps[*index];
    // No cancel is accepted once a pivot runs, so this one failed before.
    if (step.cls == step_class::pivot && job_.state == job_state::cancelling)
      return misplaced(job_, "pivot done");
    step.state = step_state::done;
    step.finished_at = now_;
    step.output = h.output;
    step.error.reset();
    job_.attempt = 0;
    let_go();
    if (step.cls == step_class::pivot)
      job_.past_pivot = true;
    if (!h.job_result.empty())
      job_.result = h.job_result;
    tell_step(step);
    if (job_.state == job_state::running && !forward_step(job_))
      finish(job_state::succeeded);
    return changed();
  }

  result<decision> operator()(const happened::step_failed& h) {
    if (job_.state == job_state::cancelling)
      return unchanged();
    const auto index = forward_step(job_);
    if (!index || job_.state != job_state::running)
      return misplaced(job_, "step failed");
    auto& step = job_.steps[*index];
    step.error = h.why;
    if (h.retry.cls == error_class::transient)
      job_.attempt = ++step.attempt;
    tell_step(step);
    if (may_try_again(h.retry.cls, step))
      hold_up(reason_of(h.why.code), h.why.what, now_ + h.retry.delay.count());
    else
      give_up(h.why);
    return changed();
  }

  result<decision> operator()(const happened::step_waits& h) {
    if (job_.state == job_state::cancelling)
      return unchanged();
    if (job_.state != job_state::running)
      return misplaced(job_, "step waits");
    hold_up(h.reason, h.message, h.until);
    return changed();
  }

  result<decision> operator()(const happened::interrupted&) {
    if (job_.state == job_state::cancelling)
      return unchanged();
    if (job_.state != job_state::running)
      return misplaced(job_, "interrupted");
    explain("Interrupted", "alula was stopped; the job goes on at its start");
    job_.run_at = now_;
    enter(job_state::queued);
    return changed();
  }

  result<decision> operator()(const happened::adopted& h) {
    const bool undoing = job_.state == job_state::cancelling;
    if (job_.state != job_state::running && !undoing)
      return misplaced(job_, "adopted");
    job_.boot = h.boot;
    const auto index = undoing ? step_to_undo(job_) : forward_step(job_);
    const bool in_step =
        index
        && (job_.steps[*index].state == step_state::started
            || job_.steps[*index].state == step_state::undoing);
    if (h.crashed && in_step) {
      auto& step = job_.steps[*index];
      ++job_.crashes;
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
    if (job_.is_done())
      return misplaced(job_, "delayed");
    if (job_.reason == h.reason && job_.message == h.message)
      return unchanged();
    explain(h.reason, h.message);
    tell("job.waiting");
    return changed();
  }

  result<decision> operator()(const happened::cancel_requested& h) {
    if (job_.is_done())
      return fault{.code = fault_code::already_finished,
                   .what = "the job has already "
                           + std::string{to_string(job_.state)}};
    if (job_.state == job_state::cancelling)
      return unchanged();
    if (!job_.is_cancellable())
      return fault{.code = fault_code::past_pivot,
                   .what = "the job is past the point where it can be undone; "
                           "it runs to its end"};
    if (job_.cancel_requested_at == 0)
      job_.cancel_requested_at = now_;
    roll_back(h.boot);
    return changed();
  }

  result<decision> operator()(const happened::undo_done&) {
    const auto index = step_to_undo(job_);
    if (job_.state != job_state::cancelling || !index)
      return misplaced(job_, "undo done");
    auto& step = job_.steps[*index];
    step.state = step_state::undone;
    step.finished_at = now_;
    step.attempt = 0;
    let_go();
    tell_step(step);
    job_.run_at = now_;
    if (!step_to_undo(job_))
      finish_rolled_back();
    return changed();
  }

  result<decision> operator()(const happened::undo_failed& h) {
    const auto index = step_to_undo(job_);
    if (job_.state != job_state::cancelling || !index
        || job_.steps[*index].state != step_state::undoing)
      return misplaced(job_, "undo failed");
    auto& step = job_.steps[*index];
    step.error = h.why;
    if (h.retry.cls == error_class::transient)
      job_.attempt = ++step.attempt;
    tell_step(step);
    if (h.retry.cls == error_class::permanent
        || step.attempt >= job_.max_attempts) {
      park(h.why);
    } else {
      explain_held(reason_of(h.why.code), h.why.what);
      job_.run_at = now_ + h.retry.delay.count();
      tell("job.waiting");
    }
    return changed();
  }

  result<decision> operator()(const happened::retry_requested& h) {
    if (job_.state != job_state::parked)
      return fault{.code = fault_code::not_parked,
                   .what = "the job is " + std::string{to_string(job_.state)}};
    const bool goes_back = is_going_back();
    job_.attempt = 0;
    for (auto& step : job_.steps) {
      step.attempt = 0;
      step.crashes = 0;
      step.reached = 0;
    }
    if (goes_back) {
      roll_back(h.boot);
    } else {
      job_.error.reset();
      explain("Retried", "offered another try");
      job_.run_at = now_;
      enter(job_state::retry_wait);
    }
    return changed();
  }

  result<decision> operator()(const happened::abandoned& h) {
    if (job_.state != job_state::parked)
      return fault{.code = fault_code::not_parked,
                   .what = "only a parked job can be abandoned; this one is "
                           + std::string{to_string(job_.state)}};
    const auto was = job_.error ? job_.error->what : std::string{};
    job_.error = fault{.code = fault_code::abandoned,
                       .what = h.why + " (it was parked: " + was + ")"};
    finish(job_state::failed);
    return changed();
  }

  result<decision> operator()(const happened::unrunnable& h) {
    if (job_.is_done() || job_.state == job_state::parked)
      return misplaced(job_, "unrunnable");
    park(h.why);
    return changed();
  }

private:
  result<decision> changed() {
    job_.version = before_.version + 1;
    return decision{std::move(job_), std::move(events_)};
  }

  result<decision> unchanged() { return decision{before_, {}}; }

  /// The wait goes on as long as its reason does, in whatever words.
  void explain(std::string reason, std::string message) {
    if (reason != job_.reason)
      job_.waiting_since = reason.empty() ? 0 : now_;
    job_.reason = std::move(reason);
    job_.message = std::move(message);
  }

  /// The step came no further. It has waited since it first did so for this
  /// reason, whatever the job said between two tries.
  void explain_held(std::string reason, std::string message) {
    if (reason.empty()) {
      let_go();
    } else if (reason != job_.held_by) {
      job_.held_by = reason;
      job_.held_since = now_;
    }
    explain(std::move(reason), std::move(message));
    job_.waiting_since = job_.held_since;
  }

  /// Nothing holds up the step it is at from now on.
  void let_go() {
    job_.held_by.clear();
    job_.held_since = 0;
  }

  void tell(std::string type) {
    events_.push_back(event_of(std::move(type), job_));
  }

  void tell_step(const step_record& step) {
    events_.push_back(event_of_step(step));
  }

  void enter(job_state next) {
    job_.state = next;
    if (next != job_state::running && next != job_state::cancelling)
      job_.boot = 0;
    const bool waits = next == job_state::retry_wait;
    tell(waits ? "job.waiting" : "job." + std::string{to_string(next)});
  }

  void hold_up(std::string reason, std::string message, time_ms until) {
    explain_held(std::move(reason), std::move(message));
    job_.run_at = until;
    enter(job_state::retry_wait);
  }

  bool may_try_again(error_class cls, const step_record& step) const {
    const bool late =
        !job_.past_pivot && job_.deadline_at != 0 && now_ >= job_.deadline_at;
    return cls != error_class::permanent && step.attempt < job_.max_attempts
           && !late;
  }

  /// Before the pivot everything is taken back; after it nothing is, and an
  /// operator decides.
  void give_up(const fault& why) {
    if (job_.past_pivot) {
      park(why);
      return;
    }
    job_.error = why;
    roll_back(job_.boot);
  }

  /// An accepted cancel stands, whatever became of it; a failure is told by
  /// the steps, see park().
  bool is_going_back() const {
    return job_.cancel_requested_at != 0
           || std::ranges::any_of(job_.steps, [](const step_record& s) {
                return s.state == step_state::undoing
                       || s.state == step_state::undone;
              });
  }

  /// A job that was rolling back keeps a step that says so, or a retry would
  /// run it forward: the one whose undo comes next. Nothing runs any more.
  void park(fault why) {
    if (const auto next = step_to_undo(job_);
        next && job_.state == job_state::cancelling) {
      job_.steps[*next].state = step_state::undoing;
      job_.steps[*next].finished_at = 0;
    }
    let_go();
    explain("Parked", why.what);
    job_.error = std::move(why);
    enter(job_state::parked);
  }

  void roll_back(std::int64_t boot) {
    // The undo has tries of its own.
    job_.attempt = 0;
    for (auto& step : job_.steps)
      step.attempt = 0;
    let_go();
    job_.run_at = now_;
    if (!step_to_undo(job_)) {
      finish_rolled_back();
      return;
    }
    job_.boot = boot;
    if (job_.error)
      explain("RollingBack", job_.error->what);
    else
      explain("Cancelling", "asked to cancel");
    enter(job_state::cancelling);
  }

  /// `cancelled` and `failed` mean that nothing of the job is left.
  void finish_rolled_back() {
    if (job_.cancel_requested_at != 0) {
      job_.error.reset();
      finish(job_state::cancelled);
    } else {
      finish(job_state::failed);
    }
  }

  void finish(job_state end) {
    let_go();
    explain({}, {});
    job_.finished_at = now_;
    const auto kept = end == job_state::failed ? keep_.failed : keep_.succeeded;
    job_.expires_at = now_ + kept.count();
    enter(end);
  }

  const job_record& before_;
  job_record job_;
  time_ms now_;
  const retention& keep_;
  std::vector<event_draft> events_;
};

} // namespace

result<decision> decide(const job_record& before, const happening& what,
                        time_ms now, const retention& keep) {
  return std::visit(transition{before, now, keep}, what);
}

} // namespace alula::jobs
