/// The routes about what the Panel is told (docs/api.md).
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// GET /api/outbox: reports, the oldest first; by default those that wait and
/// those that were given up. Never what they say.
void list_outbox(const api_ptr& api, const exchange_ptr& call);

/// POST /api/outbox/:report/retry: a dead report is told again: 202 with the
/// one that does. 404 for a number of none, 409 `not-parked` when it is not
/// dead or is told again already.
void repeat_report(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
