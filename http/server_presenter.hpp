/// A server as Wings shows it (wings-protocol 2.1).
#pragma once

#include "jobs/job.hpp"
#include "jobs/ports.hpp"
#include "jobs/processes.hpp"
#include "jobs/result.hpp"
#include "jobs/server.hpp"
#include "jobs/server_container.hpp"

#include <functional>
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

/// What the node itself knows of a server's process; nothing on a node that
/// runs none.
using usage_answer = std::optional<jobs::process_usage>;

/// One object with Wings' members. Without `usage`, the state is by the
/// container, and of the utilization only the state, the uptime and the memory
/// limit are known; the rest is zero. The limit of a server that was not
/// measured yet is by its settings and `overhead`. Besides them: `lifecycle`
/// (creating, active, deleting), and `state_known`, which is false when the
/// container engine could not be asked; `wanted_power` (up, down), `install`,
/// `last_crash` and `quarantined`; `unresponsive`: since when and why the
/// container engine does not answer for the container, or null; and the `live`
/// jobs as `jobs`.
std::string present_server(const jobs::server_record& server,
                           const container_answer& container, jobs::time_ms now,
                           const std::vector<jobs::job_record>& live = {},
                           const usage_answer& usage = {},
                           const jobs::overhead_rule& overhead = {});

/// A bare array of such objects. The container engine is not asked: `state` is
/// what the node knows by itself ("stopping" for servers that are being
/// deleted), and `state_known` is false where that is "offline".
std::string present_servers(
    const std::vector<jobs::server_ptr>& servers, jobs::time_ms now,
    const std::function<usage_answer(const jobs::server_id&)>& usage = {},
    const jobs::overhead_rule& overhead = {});

} // namespace alula::http
