/// Which step of a job comes next, forward or back, read off its record alone.
#pragma once

#include "jobs/job.hpp"

#include <cstddef>
#include <optional>
#include <variant>

namespace alula::jobs {

/// The first step that is pending or started.
std::optional<std::size_t> forward_step(const job_record& job);

/// The last step that left, or may have left, something behind.
std::optional<std::size_t> step_to_undo(const job_record& job);

/// What the loop has to do next with a job that no worker is busy with.
struct run_step {
  std::size_t index;
};
/// Also for steps without an undo function: they are undone at once.
struct undo_step {
  std::size_t index;
};
struct wait_until {
  time_ms at;
};
struct nothing {}; ///< done, or parked
using action = std::variant<run_step, undo_step, wait_until, nothing>;

action next_action(const job_record& job, time_ms now);

} // namespace alula::jobs
