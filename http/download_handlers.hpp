/// Whole archives, for browsers with a link of the Panel and for operators.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// GET /download/backup?token=: a link that works once (wings-protocol 2.15).
/// 401 for a token that is not ours or is past its time, 403 for one that is
/// for something else, 404 for a backup that server does not have, 409 while
/// the backup is made or deleted, 410 when the link was used before or the
/// archive is lost. The token's id is used up, durably, before the first byte.
void download_by_token(const api_ptr& api, const exchange_ptr& call);

/// GET and HEAD …/backup/:backup/download: 200, 206, 304 and 416, as often as
/// one likes; 404, 409 and 410 as above.
void download_backup(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
