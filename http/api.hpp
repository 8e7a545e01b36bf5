/// What every handler of the API is handed besides the request.
#pragma once

#include "http/cursor.hpp"
#include "http/errands.hpp"
#include "http/event_stream.hpp"
#include "jobs/clock.hpp"
#include "jobs/engine.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace alula::http {

struct api_settings {
  /// How long a route that Wings answers at the end waits for that end before
  /// it says 202 (`api.sync_wait`); 0: answers at once.
  std::chrono::milliseconds sync_wait{10'000};
  /// Seals cursors. Anything secret that outlives a restart: with a fresh one
  /// the cursors that clients hold become invalid.
  std::string cursor_secret;
};

/// One per daemon. The parts outlive the door.
struct api {
  jobs::engine& engine;
  const jobs::clock& clock;
  event_streams& events;
  errands& later;
  std::chrono::milliseconds sync_wait;
  cursor_seal seal;
};

/// Callbacks that come late hold it too.
using api_ptr = std::shared_ptr<const api>;

} // namespace alula::http
