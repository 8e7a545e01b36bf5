#include "jobs/kind.hpp"

#include "jobs/log.hpp"

#include <algorithm>
#include <exception>

namespace alula::jobs {

job_record plan(const kind& k, const job_draft& draft, time_ms now) {
  job_record job;
  job.id = make_job_id(now);
  job.kind = k.name;
  job.plan_version = k.plan_version;
  job.lane = k.lane;
  if (!draft.lane.empty())
    job.lane += (job.lane.empty() ? "" : ":") + draft.lane;
  job.priority = k.priority;
  job.max_attempts = k.max_attempts;
  job.past_pivot = k.pivot_at_accept;
  job.dedup_key = draft.dedup_key;
  job.input = draft.input;
  job.created_at = now;
  job.run_at = now;
  if (k.deadline.count() > 0)
    job.deadline_at = now + k.deadline.count();
  for (const auto& step : k.steps) {
    if (step.name == k.answer_after)
      job.answer_after = static_cast<int>(job.steps.size());
    const bool skipped =
        std::ranges::find(draft.skipped, step.name) != draft.skipped.end();
    if (!skipped && job.pool.empty())
      job.pool = step.pool;
    job.steps.push_back(
        {.name = std::string{step.name},
         .cls = step.cls,
         .state = skipped ? step_state::skipped : step_state::pending,
         .finished_at = skipped ? now : 0});
  }
  return job;
}

std::vector<change> changes_at_end(const kind& k, const job_record& job) {
  if (!k.when_over || !job.is_done() || job.state == job_state::succeeded)
    return {};
  try {
    return k.when_over(job);
  } catch (const std::exception& thrown) {
    // Input of another plan version. The job has to end all the same.
    log(log_level::error, "end-unreported",
        {{"job", job.id.view()}, {"kind", k.name}, {"what", thrown.what()}});
    return {};
  }
}

void tell_unbegun(const kind& k, const job_record& job, const ports& node) {
  if (!k.tells_when_unbegun || !job.is_done() || job.started_at != 0)
    return;
  try {
    step_context ctx{job, node, {}, job.finished_at, [](const progress&) {}};
    (void)k.steps.front().undo(ctx);
  } catch (const std::exception& thrown) {
    log(log_level::error, "end-unreported",
        {{"job", job.id.view()}, {"kind", k.name}, {"what", thrown.what()}});
  }
}

} // namespace alula::jobs
