/// The routes about pools of workers (docs/api.md).
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

#include <nlohmann/json_fwd.hpp>

namespace alula::http {

/// A pool as it is shown, here and in the summary.
nlohmann::ordered_json present_pool(const jobs::summary::pool& pool);

/// GET /api/pools.
void list_pools(const api_ptr& api, const exchange_ptr& call);

/// POST /api/pools/:pool/pause, with or without {"reason"}, and …/resume. Both
/// answer with the pool, also when it was so already.
void pause_pool(const api_ptr& api, const exchange_ptr& call);
void resume_pool(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
