/// What websockets do besides listening: the servers they write to and look at,
/// and who is told what a user did.
#pragma once

#include "http/errands.hpp"
#include "jobs/access_records.hpp"
#include "jobs/activity.hpp"
#include "jobs/processes.hpp"

#include <cstddef>
#include <functional>
#include <optional>

namespace alula::http {

/// Everything outlives the hub's sockets. Without processes a node runs no
/// servers: their state is what Docker says, and orders are refused.
struct socket_services {
  jobs::processes* processes = nullptr;
  errands* askers = nullptr; ///< for what asks Docker
  /// What is told of an order that becomes a job, in the commit of its accept;
  /// nothing: it is not told. Any thread, must not block; null: none is.
  std::function<std::optional<jobs::tell_panel>(const jobs::activity&)> report =
      {};
  /// Keeps what is no job. As above; null: nobody keeps it.
  std::function<void(const jobs::activity&)> note = {};
  /// The same of each order for the node's own audit.
  std::function<void(jobs::audit_record)> audit = {};
  /// Lines that answer `send logs` (`system.websocket_log_count`), and at most
  /// so many bytes of them.
  std::size_t log_lines = 150;
  std::size_t log_bytes = 256 * 1'024;
};

} // namespace alula::http
