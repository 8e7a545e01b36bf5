/// Servers that come from other nodes (wings-protocol 2.18).
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// `POST /api/transfers`, with a token that the Panel has signed for this node.
/// Its body flows past the door's memory into the job `server.receive`, and the
/// answer is that job's outcome, however long it takes: 200 without a body; 400
/// for what is wrong with the body, the archive or its checksum; 401 and 403
/// for the token; 409 when the server is here already, naming the job that
/// takes it in, and when the transfer was cancelled; 429 when as many transfers
/// are under way as may be; 502, 503 and 507 when this node could not do it.
void receive_transfer(const api_ptr& api, const exchange_ptr& call);

/// `DELETE /api/transfers/:server`: 202 and the transfer is cancelled, 409 when
/// there is none, or it is too late.
void cancel_incoming_transfer(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
