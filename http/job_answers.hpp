/// Jobs as answers: the headers a poller obeys, and lean jobs for pollers that
/// asked for a few members only.
#pragma once

#include "http/exchange.hpp"
#include "jobs/job.hpp"
#include "jobs/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

/// When to ask again: 1, 2, 5, 10, then 30 seconds, growing with the age of
/// the job (job-engine B.5). Zero for a job that has ended.
int poll_after(const jobs::job_record& job, jobs::time_ms now);

/// "/api/jobs/<id>".
std::string job_url(const jobs::job_id& id);

/// True when `If-None-Match` names this etag (weak comparison, RFC 9110, 8.8.3)
/// or is "*".
bool names_etag(std::string_view if_none_match, std::string_view etag);

/// The same for a job as it is: its etag, or any of its version while it is not
/// known until when it can be taken back, which is no news of it.
bool names_job(std::string_view if_none_match, const jobs::job_view& job);

/// The named members of a job, in that order; all of it when `fields` is
/// empty. One that is not known now is left out. Fault: malformed, for a member
/// that jobs do not have.
jobs::result<std::string> select_fields(const jobs::job_view& job,
                                        const std::vector<std::string>& fields);

/// None while it is not known until when the job can be taken back: the answer
/// would pass for one where it is.
void add_etag(response& answer, const jobs::job_view& job);

/// ETag, Cache-Control and Retry-After of an answer about this job.
void add_poll_headers(response& answer, const jobs::job_view& job,
                      jobs::time_ms now);

} // namespace alula::http
