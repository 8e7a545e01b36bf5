/// What users do to servers over the websocket, as the Panel keeps it
/// (wings-protocol 3.10). What comes over HTTP the Panel has noted itself.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/ids.hpp"

#include <string>

namespace alula::jobs {

struct activity {
  server_id server;
  std::string user;    ///< the uuid of the token; anything else is left out
  std::string address; ///< of the client; what is no IP address is left out
  std::string event;   ///< "server:power.start"
  std::string command; ///< of "server:console.command", else empty
  time_ms at = 0;
};

/// The report of one of them. Those of a server keep their order.
tell_panel report_of(const activity& what);

} // namespace alula::jobs
