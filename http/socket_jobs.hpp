/// Jobs as websocket clients see them that have asked for them.
#pragma once

#include "jobs/job.hpp"

#include <string>
#include <string_view>

namespace alula::http {

/// The argument of `job progress`: a JSON object with id, kind, state, version,
/// step, progress and error. The sentence of an error is for those who may see
/// real errors; the others get its code.
std::string present_job(const jobs::job_view& job, bool with_reason);

/// What a client must be allowed to hear of it; empty: nothing more.
std::string_view permission_for_job(std::string_view kind);

} // namespace alula::http
