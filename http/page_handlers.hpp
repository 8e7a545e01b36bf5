/// What a person or a program that knows nothing yet asks for: the status page
/// and the description of the API.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

#include <string>

namespace alula::http {

/// GET /: the status page. It holds nothing but itself: whatever it shows it
/// asks of the API, with a token that somebody types in.
void show_page(const api_ptr& api, const exchange_ptr& call);

/// GET /web/:file
void show_page_file(const api_ptr& api, const exchange_ptr& call);

/// GET /api/openapi.json
void show_description(const api_ptr& api, const exchange_ptr& call);

/// The parts of http/openapi/ as one OpenAPI 3.1 document; made once. Any
/// thread.
const std::string& api_description();

} // namespace alula::http
