#include "jobs/next_action.hpp"

namespace alula::jobs {

std::optional<std::size_t> forward_step(const job_record& job) {
  for (std::size_t i = 0; i < job.steps.size(); ++i) {
    const auto state = job.steps[i].state;
    if (state == step_state::pending || state == step_state::started)
      return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> step_to_undo(const job_record& job) {
  for (auto i = job.steps.size(); i-- > 0;) {
    const auto state = job.steps[i].state;
    if (state == step_state::started || state == step_state::done
        || state == step_state::undoing)
      return i;
  }
  return std::nullopt;
}

action next_action(const job_record& job, time_ms now) {
  if (job.is_done() || job.state == job_state::parked)
    return nothing{};
  const bool moving = job.state == job_state::running;
  if (!moving && job.run_at > now)
    return wait_until{job.run_at};
  if (job.state == job_state::cancelling) {
    const auto index = step_to_undo(job);
    return index ? action{undo_step{*index}} : action{nothing{}};
  }
  const auto index = forward_step(job);
  return index ? action{run_step{*index}} : action{nothing{}};
}

} // namespace alula::jobs
