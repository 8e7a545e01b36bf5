/// For whoever looks after the node: figures, and how much the log says.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// GET /metrics
void show_metrics(const api_ptr& api, const exchange_ptr& call);
/// GET /api/log
void show_log_level(const api_ptr& api, const exchange_ptr& call);
/// PUT /api/log
void change_log_level(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
