/// `/healthz` and `/readyz`: without a bearer, for supervisors and balancers.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// Alive: 200 as long as the door can answer at all.
void show_health(const api_ptr& api, const exchange_ptr& call);

/// Ready: 200, or 503 with the reason while the jobs of the last boot are
/// being adopted.
void show_readiness(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
