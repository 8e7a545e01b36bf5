/// The console of a server over HTTP (wings-protocol 2.5, 2.10), and the log of
/// its installation.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// POST /api/servers/:server/commands, body {"commands":["save-all"]}: 204 when
/// the console has taken the lines, in their order. 502 when the server does
/// not run, before the body is looked at, as in Wings; 429 when it does not
/// read what was written before.
void send_commands(const api_ptr& api, const exchange_ptr& call);

/// GET /api/servers/:server/logs?size=100: 200 {"data":["line",…]}, the newest
/// lines of the container's log, the oldest first. A size that is no number
/// from 1 to 100 is 100, as in Wings.
void show_console(const api_ptr& api, const exchange_ptr& call);

/// GET /api/servers/:server/install-logs?size=: 200 {"data":["line",…]}, the
/// end of the log of the last installation, at most 1 MiB; of one that runs,
/// the log of the one before.
void show_install_log(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
