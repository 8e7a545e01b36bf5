/// A server as Wings shows it (wings-protocol 2.1).
#pragma once

#include "jobs/ports.hpp"
#include "jobs/result.hpp"
#include "jobs/server.hpp"

#include <optional>
#include <string>
#include <vector>

namespace alula::http {

/// What the container engine said about a server's container: the container,
/// none, or why it could not be asked.
using container_answer = jobs::result<std::optional<jobs::container_info>>;

/// One of Wings' environment states: offline, starting, running, stopping.
/// An unknown state is shown as offline.
std::string_view environment_state(const jobs::server_record& server,
                                   const container_answer& container);

/// One object with Wings' members. Of the utilization only the state, the
/// uptime and the memory limit are known here; the rest is zero. Besides them:
/// `lifecycle` (creating, active, deleting), and `state_known`, which is false
/// when the container engine could not be asked.
std::string present_server(const jobs::server_record& server,
                           const container_answer& container,
                           jobs::time_ms now);

/// A bare array of such objects. The container engine is not asked, so
/// `state_known` is false and `state` is "offline" for all but servers that
/// are being deleted ("stopping").
std::string present_servers(const std::vector<jobs::server_ptr>& servers,
                            jobs::time_ms now);

/// What a server of that many MB may really use: MB × factor × 1,000,000, with
/// factor 1.15 up to 2,048 MB, 1.10 up to 4,096 MB, else 1.05
/// (wings-protocol 8.3); 0 is no limit.
std::int64_t memory_limit_bytes(std::int64_t megabytes);

} // namespace alula::http
