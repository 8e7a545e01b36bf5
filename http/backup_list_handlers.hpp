/// Lists of backups and what they take up.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// GET /api/servers/:server/backup: newest first, page by page, also of a
/// server that is gone while backups of it are here; 404 when neither is.
void list_server_backups(const api_ptr& api, const exchange_ptr& call);

/// GET /api/backups?orphaned=&state=&server=: those of the whole node.
void list_backups(const api_ptr& api, const exchange_ptr& call);

/// GET /api/backups/usage: bytes per server, and of the disk.
void show_usage(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
