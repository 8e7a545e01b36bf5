/// What a job may change in the ledger besides itself. A change travels with
/// an accept or with a step's outcome and is committed in the same transaction.
#pragma once

#include "jobs/ids.hpp"

#include <cstdint>
#include <string>
#include <variant>

namespace alula::jobs {

/// Only with an accept: a new incarnation of a server, in state `creating`,
/// owned by the accepted job, which gets its `server_row`.
struct register_server {
  server_id uuid;
  std::string config; ///< JSON {"settings":{…},"process_configuration":{…}}
  bool suspended = false;
};

/// creating → active; the owner lets go.
struct activate_server {};

/// creating → deleted: the job that made it was undone. Nothing happens when
/// another job, a delete, has taken the server over.
struct discard_server {};

/// active, creating or restoring → deleting, suspended, owned by the job, which
/// takes it over from the owner of before. Refused (server_locked) only while
/// another live delete owns it. With the accept.
struct begin_delete {};

/// deleting → deleted: the uuid is free.
struct forget_server {};

struct set_container {
  std::string container_id; ///< empty: none
};

/// The server's volume lies in the trash under `name` from now on.
struct put_in_trash {
  std::string name;        ///< entry below the trash directory, the job's id
  time_ms purge_after = 0; ///< not purged before
};

/// held → purging: too late for an undelete. Refused (server_locked) while an
/// undelete has claimed the entry; nothing happens when it was restored.
struct begin_purge {
  job_id deleted_by;
};

/// purging → gone from the list; also when it was restored.
struct end_purge {
  job_id deleted_by;
};

/// held → restoring, claimed by this job. With the accept. Refused with
/// trash_not_found when the entry is purging or gone, server_exists when the
/// uuid lives again; register_server of the uuid is refused until it ends.
struct claim_trash {
  job_id deleted_by;
};

/// restoring → held: the claim is undone.
struct release_trash {
  job_id deleted_by;
};

/// restoring → restored, and a new active incarnation of the server exists,
/// suspended as it was before the delete.
struct restore_server {
  job_id deleted_by;
};

/// Server-row changes without a row refer to the job's server.
using change =
    std::variant<register_server, activate_server, discard_server, begin_delete,
                 forget_server, set_container, put_in_trash, begin_purge,
                 end_purge, claim_trash, release_trash, restore_server>;

} // namespace alula::jobs
