/// The table of the API: method, path, who may come in, handler.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

#include <vector>

namespace alula::http {

struct api_parts {
  jobs::engine& engine;
  jobs::backup_desk& backups;
  const jobs::clock& clock;
  event_streams& events;
  errands& later;
  jobs::node_facts& node;
  /// `GET /api/servers/:server/ws`; it asks for a token of its own.
  handler websocket;
  /// `POST /api/servers/:server/ws/deny`; whoever keeps the sockets answers.
  handler deny_tokens;
  api_settings settings = {};
  jobs::outbox_desk* outbox = nullptr; ///< null: nothing is ever told
  live_parts live = {};
  /// `POST /api/deauthorize-user`; whoever keeps the sockets answers.
  handler deauthorize = {};
  jobs::report_repeats* repeats = nullptr;
  jobs::access_desk* access = nullptr; ///< null: no tokens and no audit
  system_services systems = {};
  /// Null: no other node sends servers here.
  jobs::incoming_transfers* incoming = nullptr;
};

/// All routes. Until the engine is ready, everything but `/healthz` and
/// `/readyz` is answered 503 with Retry-After.
std::vector<route> make_routes(api_parts parts);

} // namespace alula::http
