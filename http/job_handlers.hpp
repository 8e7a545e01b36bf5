/// `/api/jobs/:job`: reading one job, waiting for it, and acting on it
/// (job-engine B.5). Handlers return at once and answer when the engine does.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace alula::http {

/// A poll waits no longer than this: reverse proxies give up after 60 s.
inline constexpr std::chrono::milliseconds max_poll_wait{55'000};

/// "30s", "30" (seconds) or "250ms", cut to `max_poll_wait`; nothing for
/// anything else.
std::optional<std::chrono::milliseconds> parse_wait(std::string_view text);

/// GET. With `?wait=`: answers when the job changed from the etag the client
/// names in If-None-Match or, without that header, when it has ended; at the
/// latest when the time is up. 304 when the client has this etag. Always 200
/// for a job that is known, also a failed one: the poll succeeded.
void show_job(const api_ptr& api, const exchange_ptr& call);

/// DELETE: forgets the record of a job that has ended; not a cancel. 204.
void forget_job(const api_ptr& api, const exchange_ptr& call);

/// POST …/cancel: 202 while it is being undone, 200 once it is cancelled, also
/// when it was before.
void cancel_job(const api_ptr& api, const exchange_ptr& call);

/// POST …/retry: 202. A parked job goes on, a failed one is done again as a
/// new job: see Location.
void retry_job(const api_ptr& api, const exchange_ptr& call);

/// POST …/abandon {"reason": text}: 200 with the job, which has failed now.
void abandon_job(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
