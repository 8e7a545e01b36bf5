/// The Panel's way to change the node's configuration (wings-protocol 2.20).
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// POST /api/update → {"applied": bool}
void update_config(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
