/// A server's life as Wings' routes have it (wings-protocol 2.6 to 2.9): each
/// is a job, and its answer says which.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// POST /api/servers/:server/power, body {"action": start, stop, restart or
/// kill}: 202. 422 for another action, 400 for a start of a suspended server.
/// `wait_seconds` is taken and not needed: an action waits in line.
void change_power(const api_ptr& api, const exchange_ptr& call);

/// POST …/install and …/reinstall: 202. The same again joins the one that runs.
void install_server(const api_ptr& api, const exchange_ptr& call);
void reinstall_server(const api_ptr& api, const exchange_ptr& call);

/// POST …/sync: 204 when the Panel's configuration is in force, 202 when that
/// takes longer than `sync_wait`.
void sync_server(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
