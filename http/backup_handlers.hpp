/// `/api/servers/:server/backup`: Wings' routes about backups (wings-protocol
/// 2.12 and 2.13) with the answers of design 4, and ours. Deleting is in
/// http/backup_delete_handlers, rotating in http/rotation_handlers, reading out
/// of an archive in http/backup_files_handlers and http/download_handlers.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"

namespace alula::http {

/// POST …/backup {adapter, uuid, ignore}: 202 without a body.
void create_backup(const api_ptr& api, const exchange_ptr& call);

/// GET and HEAD …/backup/:backup.
void show_backup(const api_ptr& api, const exchange_ptr& call);

/// POST …/backup/:backup/restore {adapter, truncate_directory, download_url,
/// paths}: 204 when it is done within `sync_wait`, else 202. A bad body, an
/// unknown server and a missing backup are answered before there is a job.
void restore_backup(const api_ptr& api, const exchange_ptr& call);

/// POST …/backup/:backup/verify and …/index: 202 with the job.
void verify_backup(const api_ptr& api, const exchange_ptr& call);
void index_backup(const api_ptr& api, const exchange_ptr& call);

/// POST …/backup/:backup/copy {to}: a copy in another place.
void copy_backup(const api_ptr& api, const exchange_ptr& call);
/// DELETE of the one in a place; never the last one.
void drop_copy(const api_ptr& api, const exchange_ptr& call);
/// PUT and DELETE …/backup/:backup/pin: 204, also when it was so before.
void pin_backup(const api_ptr& api, const exchange_ptr& call);
void unpin_backup(const api_ptr& api, const exchange_ptr& call);

/// POST /api/jobs/:job/undo: 202 with the job that takes a restore (or the undo
/// of one) back; 409 not-undoable for every other job and when nothing is kept
/// any more.
void undo_job(const api_ptr& api, const exchange_ptr& call);

} // namespace alula::http
