/// What is said of a job that changes: the reason it shows, and its events
/// (docs/api.md). For jobs/lifecycle.cpp.
#pragma once

#include "jobs/job.hpp"
#include "jobs/lifecycle.hpp"
#include "jobs/result.hpp"

#include <string>

namespace alula::jobs {

/// "docker-unavailable" → "DockerUnavailable".
std::string reason_of(fault_code code);

/// Of the job as it is now: state, reason, message and error.
event_draft event_of(std::string type, const job_record& job);

/// "job.step": name, state and error of the step.
event_draft event_of_step(const step_record& step);

} // namespace alula::jobs
