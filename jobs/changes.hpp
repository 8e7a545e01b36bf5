/// What a job may change in the ledger besides itself. A change travels with
/// an accept or with a step's outcome and is committed in the same transaction.
#pragma once

#include "jobs/access_records.hpp"
#include "jobs/archives.hpp"
#include "jobs/ids.hpp"
#include "jobs/pool_pause.hpp"
#include "jobs/system_changes.hpp"
#include "jobs/transfers.hpp"

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

// -- backups ------------------------------------------------------------------

/// Only with an accept: a backup in state `creating`, owned by the job, of the
/// job's server. Fault backup_exists.
struct register_backup {
  backup_id uuid;
};

/// creating → ready: the archive has its final name.
struct publish_backup {
  backup_id uuid;
  archive_facts facts;
  bool is_local = true;    ///< it lies in the backup directory
  bool is_scratch = false; ///< and goes when another place has it
  bool has_manifest = true;
};

/// The archive lies there too from now on. Nothing happens unless it is ready.
struct record_place {
  backup_id uuid;
  std::string place;
  std::string key;
  std::string etag;
  std::int64_t size = 0;
};

/// What lies in a store: a backup that is not on record, ready from then on, or
/// a copy that is not on record of one that is, ready and with the same size
/// and checksum. Nothing happens else, nor while a job sends to that key or
/// what lies there is to be removed.
struct record_found_copy {
  archive_file file; ///< as it lies there; its manifest does so too
  std::string place;
  std::string key;
  std::string etag;
};

/// It does not lie there any more.
struct forget_place {
  backup_id uuid;
  std::string place;
};

/// What the Panel has said when it was asked for a backup in its store. Nothing
/// happens when it does not lie there.
struct note_panel_word {
  enum class word {
    has,     ///< it has it
    has_not, ///< it knows of none
    neither, ///< it was asked, and said nothing to that
  };
  backup_id uuid;
  word said = word::neither;
};

/// Whether the backup directory has it from now on. Fault backup_in_use when
/// that would leave no place at all.
struct set_local {
  backup_id uuid;
  bool is_local = true;
  bool is_scratch = false;
};

/// creating → gone: the job that made it was undone.
struct discard_backup {
  backup_id uuid;
};

/// An archive that lies in the directory but not in the ledger, made by another
/// program or before the ledger was lost; or one that is back, or whose
/// manifest came or went. Facts on record stay; missing ones are filled in from
/// the manifest. Nothing happens when its row is creating or deleting.
struct record_found_backup {
  archive_file file;
};

/// The archive of a ready backup is not in the directory any more.
struct record_lost_backup {
  backup_id uuid;
};

/// The server an archive without a manifest belongs to, by who asked for it.
/// Fault backup_not_found when it is another one's.
struct claim_backup {
  backup_id uuid;
  server_id server;
};

/// ready → deleting, by this job. Fault backup_in_use while another job holds
/// a lock on it. Nothing happens when there is no such row. One that the job
/// has not forgotten when it ends, because it was given up, is ready again, and
/// lost when it was in stores only and none has it any more.
struct begin_backup_delete {
  backup_id uuid;
  bool unless_pinned = false; ///< nothing happens when it is pinned
};

/// deleting → gone.
struct forget_backup {
  backup_id uuid;
};

/// What a verification found; empty `what`: it is good. What of `facts` is not
/// on record yet is from then.
struct record_verification {
  backup_id uuid;
  std::string what;
  archive_facts facts = {};
};

/// It has a manifest from now on. What of `facts` is not on record yet is from
/// then.
struct record_manifest {
  backup_id uuid;
  archive_facts facts = {};
};

struct pin_backup {
  backup_id uuid;
  bool pinned = true;
};

// -- restores -----------------------------------------------------------------

/// active → restoring, owned by this job. With the accept. Fault server_locked.
struct begin_restore {};

/// restoring → active. Nothing happens when a delete has taken it over.
struct end_restore {};

/// The tree a restore replaced lies in the trash under `name` and can be taken
/// back until `keep_until`. Those of earlier restores of the server are due
/// now.
struct keep_replaced {
  std::string name;
  bool merged = false; ///< it holds only what was in the way
  time_ms keep_until = 0;
  /// The restore, when it was given up and another job records what it has
  /// left: those of other restores keep their time. Empty: this job.
  job_id replaced_by = {};
};

/// held → claimed by this job. With the accept. Fault not_undoable when
/// nothing is held for that job, or the job has a server and it is spoilt, or
/// of another one or of an earlier incarnation; server_locked when it is
/// claimed.
struct claim_replaced {
  job_id replaced_by;
  /// By a job that needs the room: whosever it is, and nothing happens when it
  /// is gone.
  bool to_remove = false;
};

/// claimed → held.
struct release_replaced {
  job_id replaced_by;
  /// Its removal has begun: it is due, and nobody takes it back any more.
  bool is_spoilt = false;
};

/// claimed → gone: it was taken back, or removed.
struct forget_replaced {
  job_id replaced_by;
};

// -- uploads and downloads ----------------------------------------------------

/// What a job needs to go on with its transfer, until it ends; replaces what it
/// had. With a key the job answers from now on for what lies there: remains of
/// it are forgotten. Also with an amend, which names the job; else it is the
/// change's own.
struct keep_transfer {
  transfer_record what;
  job_id job = {};
};

/// A part is through. Nothing happens when the upload is another one by now.
/// Also with an amend.
struct keep_transfer_part {
  std::string upload;
  object_part part;
  job_id job = {};
};

/// Something in a store of ours that nobody needs and that is to be removed.
struct leave_remains {
  std::string store;
  std::string key;
  std::string upload; ///< empty: the object
};

/// It is gone.
struct forget_remains {
  std::int64_t row = 0;
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
