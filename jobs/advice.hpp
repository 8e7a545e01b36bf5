/// What an operator can do about a job that waits, or about one that failed:
/// one sentence per cause, the same in the API, on the command line and on the
/// status page.
#pragma once

#include "jobs/job.hpp"
#include "jobs/result.hpp"

#include <string>
#include <string_view>

namespace alula::jobs {

/// Empty when there is nothing to do, or nothing to be said.
std::string_view advice_about(fault_code code);

/// About the job as it stands: of what parked or failed it, or of what it
/// waits for. Empty while all is well, and when it ended as somebody asked;
/// never for one that failed, waits for a reason or is parked.
std::string advice_about(const job_record& job);

/// Whether what a job says it waits for does not pass by itself: Docker that is
/// away, a full disk, a parked job in front of it. Not for a paused pool, which
/// is told as one thing for all its jobs.
bool waits_for_somebody(std::string_view reason, std::string_view message);

/// Since when the job waits for its reason, over tries and restarts. Of one
/// that waits and has not told a reason: the first try of the step it is at,
/// else the end of the step before it, else when it was accepted. 0 when it
/// waits for nothing: it runs without a reason to tell, or has ended.
time_ms waiting_since(const job_record& job);

} // namespace alula::jobs
