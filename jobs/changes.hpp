/// What a job may change in the ledger besides itself. A change travels with
/// an accept or with a step's outcome and is committed in the same transaction.
#pragma once

#include "jobs/access_records.hpp"
#include "jobs/backup_changes.hpp"
#include "jobs/ids.hpp"
#include "jobs/pool_pause.hpp"
#include "jobs/system_changes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
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

/// With the accept of a job that finishes what a delete that was given up has
/// left: the job gets that server and may not run before the entry may be
/// purged. Refused with trash_not_found unless `deleted_by` has failed.
struct adopt_trash {
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

// -- the Panel ----------------------------------------------------------------

/// A report for the Panel, written with the outcome it tells (jobs/outbox.hpp).
/// Nothing happens when the node has no Panel. Also with an amend; then it is
/// of no job. The state of a container takes the place of the one before, told
/// or not (is_container_status).
struct tell_panel {
  std::string subject; ///< what it is about: reports of one keep their order
  std::string method;
  std::string path; ///< below /api/remote
  std::string body; ///< JSON, never a secret
};

/// What came of a try to deliver a report. Nothing happens when it has ended.
struct record_delivery {
  enum class outcome {
    delivered,
    again,
    dead,
    moot, ///< the Panel has nothing it could be about; keep `why`
  };
  std::int64_t report = 0;
  outcome is = outcome::again;
  int http_status = 0; ///< 0: there was no answer
  std::string why;     ///< unless delivered; never a secret
  time_ms next_at = 0; ///< of `again`
};

/// What the Panel says of a server that lives here; it is known there, so it
/// leaves quarantine. Nothing happens when there is no such server. A server
/// that is being deleted stays suspended.
struct set_server_config {
  server_id server;
  std::string config; ///< JSON {"settings":{…},"process_configuration":{…}}
  bool suspended = false;
};

/// The Panel has no such server, or has it again.
struct quarantine_server {
  server_id server;
  bool quarantined = true;
};

// -- the life of servers ------------------------------------------------------

/// Whether the server is wanted up from now on: what a boot restores. Also with
/// an amend, which names the server; else it is the job's.
struct want_power {
  bool up = false;
  server_id server = {};
  /// Nothing happens while a start or restart that somebody asked for lives:
  /// that wish is the newer one.
  bool unless_start_waits = false;
  /// Nor when an installation of the server has ever gone well.
  bool unless_installed = false;
};

/// Whether the server is on its way between two nodes (wings-protocol 2.16).
/// Also with an amend, which names the server; else it is the job's.
struct set_transferring {
  bool transferring = false;
  server_id server = {};
};

/// The server has gone offline by itself. Also with an amend.
struct note_crash {
  server_id server;
  time_ms at = 0;
  int exit_code = 0;
  bool out_of_memory = false;
};

/// The job's server is to be installed once it is active.
struct want_install {};

/// With the accept of a job that installs, and again when it begins.
struct begin_install {};

/// It has ended, well or not. Nothing happens when none was under way, nor by
/// one that did not go well while another job that installs the server lives
/// and is not past its pivot: that one's end tells.
struct end_install {
  bool successful = false;
  /// What the Panel is told when something happens.
  std::optional<tell_panel> told = {};
};

// -- schedules ----------------------------------------------------------------

/// The policy by which the backups of a live server are rotated from now on,
/// instead of the node's. With an amend. Fault server_not_found.
struct set_rotation {
  server_id server;
  std::string policy; ///< JSON (jobs/rotation.hpp); empty: the node's again
};

/// When a scheduled task is due next.
struct set_schedule {
  std::string name;
  time_ms next_at = 0;
};

/// Server-row changes without a row refer to the job's server.
using any_change = std::variant<
    register_server, activate_server, discard_server, begin_delete,
    forget_server, set_container, put_in_trash, begin_purge, end_purge,
    adopt_trash, claim_trash, release_trash, restore_server, register_backup,
    publish_backup, discard_backup, record_found_backup, record_lost_backup,
    claim_backup, begin_backup_delete, forget_backup, record_verification,
    record_manifest, pin_backup, begin_restore, end_restore, keep_replaced,
    claim_replaced, release_replaced, forget_replaced, record_place,
    record_found_copy, forget_place, note_panel_word, set_local, keep_transfer,
    keep_transfer_part, leave_remains, forget_remains, tell_panel,
    record_delivery, set_server_config, quarantine_server, want_power,
    set_transferring, note_crash, want_install, begin_install, end_install,
    set_rotation, set_schedule, pause_pool, resume_pool, put_system,
    begin_system_upload, store_system_backup, forget_system_upload,
    begin_system_backup_delete, forget_system_backup, begin_system_destroy,
    forget_system, keep_token, revoke_token, note_token_use, keep_audit>;

/// One of them. Its own members are compiled once, in changes.cpp: of a variant
/// of so many alternatives they cost every source that holds one seconds.
struct change : any_change {
  change(); // clang-format off
  /// Of one of the alternatives; others do not link.
  template <typename Alternative>
    requires(!std::is_base_of_v<any_change, Alternative>)
  change(Alternative what); // clang-format on
  change(const change& other);
  change(change&& other) noexcept;
  change& operator=(const change& other);
  change& operator=(change&& other) noexcept;
  ~change();
};

} // namespace alula::jobs
