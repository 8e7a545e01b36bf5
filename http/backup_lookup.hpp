/// From the ids in a URL to the backup they name. A backup is addressed by its
/// server and itself; one of another server is none.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"
#include "jobs/backup.hpp"

#include <functional>

namespace alula::http {

/// Compared byte for byte, as Wings does: an upper-case uuid is no server.
/// Fault: server_not_found.
jobs::result<jobs::server_id> read_server_id(const request& req);

/// Fault: backup_not_found.
jobs::result<jobs::backup_id> read_backup_id(const request& req);

struct backup_name {
  jobs::server_id server;
  jobs::backup_id backup;
};

/// Both of them. Faults as each.
jobs::result<backup_name> read_backup_name(const request& req);

jobs::fault no_such_server(const jobs::server_id& id);

/// Since the node was started, Docker has not answered for that server: it may
/// be off as well as run. Fault: starting.
jobs::fault not_known_to_run();

/// The live server the URL names. Fault: server_not_found.
jobs::result<jobs::server_ptr> live_server(const api_ptr& api,
                                           const request& req);

/// What is wrong with the body, unless the server is not here: that counts
/// first (wings-protocol 1.2).
jobs::fault of_body(const api_ptr& api, const request& req, jobs::fault why);

/// Calls `then` with the backup the URL names, on a thread of the desk, or
/// answers: 404 server-not-found when neither the server nor a backup of it is
/// here, else 404 backup-not-found.
void with_backup(const api_ptr& api, const exchange_ptr& call,
                 std::function<void(const jobs::backup_record&)> then);

/// The same without an answer. Fault as above.
void find_backup(
    const api_ptr& api, const backup_name& name,
    std::function<void(const jobs::result<jobs::backup_record>&)> done);

/// What of a backup is needed: the archive in the backup directory; its
/// manifest; the archive wherever this node can get it.
enum class needed { archive_here, manifest, archive };

/// What stands against reading the backup now. Faults: backup_in_use (it is
/// not finished, or on its way out; `in_the_way` is that job), backup_lost.
jobs::status check_readable(const jobs::backup_record& backup,
                            needed what = needed::archive_here);

} // namespace alula::http
