/// `/api/trash`: deleted servers that can still be brought back.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// GET: pages of what was deleted, the last one first.
void list_trash(const api_ptr& api, const exchange_ptr& call);

/// POST /api/trash/:job/restore: 202 with the job that brings it back. 404
/// when nothing of that job lies in the trash (any more).
void restore_trash(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
