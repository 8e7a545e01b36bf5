/// `/api/stores/:store`: object stores of the node's own.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// POST …/scan: 202 with the job that puts on record what lies there; 404 when
/// the configuration names no such store.
void scan_store(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
