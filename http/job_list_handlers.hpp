/// Lists of jobs and the engine's counters (job-engine B.5).
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// GET /api/jobs: {"items":[…],"next":cursor or null,"has_more":bool}, newest
/// first, and `Link: <…>; rel="next"` (RFC 8288) when there is more.
void list_jobs(const api_ptr& api, const exchange_ptr& call);

/// GET /api/servers/:server/jobs: the same for one server, a deleted one too.
void list_server_jobs(const api_ptr& api, const exchange_ptr& call);

/// GET /api/jobs/summary: live jobs by state and kind, pools, the oldest that
/// waits.
void show_summary(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
