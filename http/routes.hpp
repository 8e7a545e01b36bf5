/// The table of the API: method, path, who may come in, handler.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

#include <vector>

namespace alula::http {

struct api_parts {
  jobs::engine& engine;
  const jobs::clock& clock;
  event_streams& events;
  errands& later;
  /// `GET /api/servers/:server/ws`; it asks for a token of its own.
  handler websocket;
  /// `POST /api/servers/:server/ws/deny`; whoever keeps the sockets answers.
  handler deny_tokens;
  api_settings settings = {};
};

/// All routes. Until the engine is ready, everything but `/healthz` and
/// `/readyz` is answered 503 with Retry-After.
std::vector<route> make_routes(api_parts parts);

} // namespace alula::http
