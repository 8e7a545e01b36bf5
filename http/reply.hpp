/// The shapes of answers. The only place that says which HTTP status a fault
/// has and that writes problem+json (RFC 9457); its codes are docs/errors.md.
#pragma once

#include "http/exchange.hpp"
#include "jobs/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace alula::http {

/// The status of a fault, 400 to 599.
int status_of(jobs::fault_code code);

/// A fault as an answer: `application/problem+json` with type, title, status,
/// detail, instance, code, retryable, request_id, Wings' `error`, and where
/// they apply errors[pointer, detail], owner_job and retry_after. `retryable`:
/// the same request may succeed later without being changed. 401 carries
/// `WWW-Authenticate: Bearer`; retry_after, which is left out where waiting a
/// fixed time makes no sense, also goes into the header.
/// Below /api/systems the same is said in the envelope of that contract.
/// `status` is for the few answers whose code has another status elsewhere
/// (408, an overload 503).
response problem(const request& req, const jobs::fault& why,
                 std::optional<int> status = std::nullopt);
/// The same where there is no request at hand (limits, timeouts); `path` as far
/// as it is known.
response problem(std::string_view request_id, const jobs::fault& why,
                 std::optional<int> status = std::nullopt,
                 std::string_view path = {});

/// `body` is JSON text already.
response json_answer(int status, std::string body);

/// 204 or 202 without a body, as Wings gives them.
response empty_answer(int status = 204);

/// Adds `Location: /api/jobs/<id>` (design 4: every answer to a request that
/// started or joined a job has it).
response with_job(response answer, std::string_view job_id);

/// 202 with `Location: /api/jobs/<id>`; without a body unless one is given.
response accepted(std::string_view job_id, std::string body = {});

/// Answers `to` with problem(to->req(), why).
void reply_fault(const exchange_ptr& to, const jobs::fault& why);

} // namespace alula::http
