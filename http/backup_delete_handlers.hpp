/// Deleting backups. A backup that is still being made is no exception: the job
/// that makes it is cancelled, and what is left is nothing. Nor is one that is
/// verified, indexed or copied: that is cancelled, too.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// DELETE /api/servers/:server/backup/:backup: 204 once it is gone, also when
/// there was none; 202 when that takes longer than `sync_wait`, also while a
/// job that makes it is being undone; 404 for an unknown server alone; 409 with
/// owner_job while it is restored from, removed by a rotation, or held by what
/// did not end in time.
void delete_backup(const api_ptr& api, const exchange_ptr& call);

/// DELETE /api/backups/:backup: the same for one whose server is not here any
/// more; 409 server-exists when it is.
void delete_orphan(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
