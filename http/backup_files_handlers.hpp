/// Looking into a backup without restoring it.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// GET …/backup/:backup/files?path=&after=&limit=: one directory, in byte order
/// of the names. 409 no-manifest when the archive has not been indexed, 404
/// path-not-found.
void browse_backup(const api_ptr& api, const exchange_ptr& call);

/// GET …/backup/:backup/files/content?path=: one file, sent as fast as the
/// client takes it and held in small pieces only.
void send_content(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
