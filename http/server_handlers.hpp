/// `/api/servers`: Wings' routes about whole servers (wings-protocol 2.1 to
/// 2.4), with the answers of design 4.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// GET /api/servers: a bare array; with `limit` or `cursor` pages of it, the
/// newest first. The container engine is not asked.
void list_servers(const api_ptr& api, const exchange_ptr& call);

/// POST /api/servers: 202 without a body.
void create_server(const api_ptr& api, const exchange_ptr& call);

/// GET /api/servers/:server.
void show_server(const api_ptr& api, const exchange_ptr& call);

/// DELETE /api/servers/:server: 204 once the container is gone and the volume
/// is detached, 202 when that takes longer than `sync_wait`. `?backups=keep`
/// or `delete` says what becomes of its backups.
void delete_server(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
