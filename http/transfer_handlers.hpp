/// Servers on their way to other nodes (wings-protocol 2.16, 2.17).
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// `POST /api/servers/{server}/transfer`: 202. 409, naming the job, while the
/// server is in transfer already.
void send_server(const api_ptr& api, const exchange_ptr& call);

/// `DELETE …`: 202, and the job is undone; 409 when there is none. With `force`
/// a server that another node has taken, and that nobody has deleted here, is
/// released: 202 with that job.
void stop_transfer(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
