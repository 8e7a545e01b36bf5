/// What a job, or nobody, may change about backups, the places they lie in,
/// their restores and their transfers: a part of jobs/changes.hpp.
#pragma once

#include "jobs/archives.hpp"
#include "jobs/ids.hpp"
#include "jobs/transfers.hpp"

#include <cstdint>
#include <string>

namespace alula::jobs {

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
/// the manifest of an archive of the size that is. As long as no checksum is on
/// record and no copy lies elsewhere, its size and time are those of the file,
/// and with other ones what was found wrong is over: it was still being
/// written. Nothing happens when its row is creating or deleting.
struct record_found_backup {
  archive_file file;
};

/// The archive of a ready backup is not in the directory any more.
struct record_lost_backup {
  backup_id uuid;
};

/// The server an archive without a manifest belongs to, by who asked for it.
/// Fault backup_not_found when it is another one's; backup_in_use when it is on
/// its way out.
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
/// on record yet is from then, when they are of an archive of the size that is.
struct record_verification {
  backup_id uuid;
  std::string what;
  archive_facts facts = {};
};

/// It has a manifest from now on.
struct record_manifest {
  backup_id uuid;
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

} // namespace alula::jobs
