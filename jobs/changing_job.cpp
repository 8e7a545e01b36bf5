#include "jobs/changing_job.hpp"

#include "jobs/lifecycle_words.hpp"
#include "jobs/next_action.hpp"

#include <algorithm>
#include <utility>

namespace alula::jobs {

changing_job::changing_job(const job_record& before, time_ms at,
                           const retention& keep)
  : job(before), now(at), before_(before), keep_(keep) {}

result<decision> changing_job::changed() {
  job.version = before_.version + 1;
  return decision{std::move(job), std::move(events_)};
}

result<decision> changing_job::unchanged() {
  return decision{before_, {}};
}

void changing_job::explain(std::string reason, std::string message) {
  if (reason != job.reason)
    job.waiting_since = reason.empty() ? 0 : now;
  job.reason = std::move(reason);
  job.message = std::move(message);
}

void changing_job::explain_held(std::string reason, std::string message) {
  if (reason.empty()) {
    let_go();
  } else if (reason != job.held_by) {
    job.held_by = reason;
    job.held_by_since = now;
    if (job.held_since == 0)
      job.held_since = now;
  }
  explain(std::move(reason), std::move(message));
  job.waiting_since = job.held_by_since;
}

void changing_job::let_go() {
  job.held_by.clear();
  job.held_by_since = job.held_since = 0;
}

void changing_job::tell(std::string type) {
  events_.push_back(event_of(std::move(type), job));
}

void changing_job::tell_step(const step_record& step) {
  events_.push_back(event_of_step(step));
}

void changing_job::enter(job_state next) {
  job.state = next;
  if (next != job_state::running && next != job_state::cancelling)
    job.boot = 0;
  const bool waits = next == job_state::retry_wait;
  tell(waits ? "job.waiting" : "job." + std::string{to_string(next)});
}

void changing_job::hold_up(std::string reason, std::string message,
                           time_ms until) {
  explain_held(std::move(reason), std::move(message));
  job.run_at = until;
  enter(job_state::retry_wait);
}

bool changing_job::may_try_again(error_class cls,
                                 const step_record& step) const {
  const bool late =
      !job.past_pivot && job.deadline_at != 0 && now >= job.deadline_at;
  return cls != error_class::permanent && step.attempt < job.max_attempts
         && !late;
}

void changing_job::give_up(const fault& why) {
  if (job.past_pivot) {
    park(why);
    return;
  }
  job.error = why;
  roll_back(job.boot);
}

bool changing_job::is_going_back() const {
  return job.cancel_requested_at != 0
         || std::ranges::any_of(job.steps, [](const step_record& s) {
              return s.state == step_state::undoing
                     || s.state == step_state::undone;
            });
}

void changing_job::park(fault why) {
  if (const auto next = step_to_undo(job);
      next && job.state == job_state::cancelling) {
    job.steps[*next].state = step_state::undoing;
    job.steps[*next].finished_at = 0;
  }
  let_go();
  explain("Parked", why.what);
  job.error = std::move(why);
  enter(job_state::parked);
}

void changing_job::roll_back(std::int64_t boot) {
  // The undo has tries of its own.
  job.attempt = 0;
  for (auto& step : job.steps)
    step.attempt = 0;
  let_go();
  job.run_at = now;
  if (!step_to_undo(job)) {
    finish_rolled_back();
    return;
  }
  job.boot = boot;
  if (job.error)
    explain("RollingBack", job.error->what);
  else
    explain("Cancelling", "asked to cancel");
  enter(job_state::cancelling);
}

void changing_job::finish_rolled_back() {
  if (job.cancel_requested_at != 0) {
    job.error.reset();
    finish(job_state::cancelled);
  } else {
    finish(job_state::failed);
  }
}

void changing_job::finish(job_state end) {
  let_go();
  explain({}, {});
  job.finished_at = now;
  const auto kept = end == job_state::failed ? keep_.failed : keep_.succeeded;
  job.expires_at = now + kept.count();
  enter(end);
}

} // namespace alula::jobs
