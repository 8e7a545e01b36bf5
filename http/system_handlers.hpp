/// `GET /api/system`: what machine and what Docker this node is.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// The short form never asks Docker; the long one (`?v=2`) answers when Docker
/// has, and with its fault when it does not.
void show_system(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
