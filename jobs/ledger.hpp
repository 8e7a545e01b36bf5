/// The ledger: the durable record of all jobs. One thread writes it and
/// commits in groups; every method that takes a callback returns at once and
/// calls back on that thread after the commit is on disk (WAL fsync), in the
/// order of the calls. A callback must not block.
///
/// What cannot be written is not believed: when a commit fails the process is
/// ended by the ledger (exit code 70) and boot recovery reads the truth back
/// (job-engine B.3, last note). A refusal by a constraint is a fault of that
/// one call and rolls back nothing else.
#pragma once

#include "jobs/access_records.hpp"
#include "jobs/backup.hpp"
#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "jobs/kind.hpp"
#include "jobs/lifecycle.hpp"
#include "jobs/outbox.hpp"
#include "jobs/server.hpp"
#include "jobs/system_backup.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace alula::jobs {

/// `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header).
struct idempotency {
  std::string principal; ///< who asked
  std::string key;
  std::string fingerprint; ///< SHA-256 or alike of method, URL and body
};

struct acceptance {
  job_record job; ///< from plan(); row and version are given by the ledger
  std::vector<change> changes;
  std::optional<idempotency> key;
  /// Taken with the accept, all or none, and held until the job ends: a job
  /// that waits in line over a restart still has them. Fault server_locked.
  std::vector<lock_request> locks = {};
};

enum class accept_outcome {
  created,
  joined,   ///< a live job has the same natural key
  replayed, ///< the idempotency key was used for the same request before
};

struct accepted {
  job_record job;
  accept_outcome outcome = accept_outcome::created;
};

/// One saved step of a job's life.
struct save {
  job_record after; ///< after.version is the stored version plus one
  std::vector<event_draft> events;
  std::vector<change> changes;
  std::vector<lock_request> locks; ///< taken with this save, all or none
  /// Of the request that made this happen: it leads to the job from now on.
  std::optional<idempotency> key = {};
};

/// Told of every commit, on the ledger thread, before the callbacks of the
/// calls in it. Must not block.
class commit_listener {
public:
  virtual ~commit_listener() = default;
  virtual void committed(const std::vector<event>& events,
                         const std::vector<job_record>& jobs,
                         const std::vector<server_ptr>& servers) = 0;
  /// Rows that were pruned.
  virtual void forgotten(const std::vector<job_id>& jobs) = 0;
};

/// What a boot finds. Read once, before anything runs.
struct recovery {
  std::int64_t boot = 0; ///< this boot's number, the fencing token
  bool previous_was_clean = true;
  /// Of the boots that live jobs belong to: those that ended on purpose, clean
  /// or not. A job of any other boot was running when the process died.
  std::set<std::int64_t> ended_boots;
  std::vector<server_record> servers; ///< all that are not deleted
  /// All that are not terminal. A delete whose files were brought back has
  /// nothing to wait for any more: its `run_at` is 0, whatever is stored.
  std::vector<job_record> jobs;
  /// Deletes that have failed and whose volumes are still in the trash.
  std::vector<job_id> left_trash;
  std::vector<pool_pause> paused_pools;
  std::int64_t last_event_seq = 0;
};

class ledger {
public:
  virtual ~ledger() = default;

  /// Blocking; called once, before any other method, after the listener is
  /// set. Writes the boot row.
  virtual result<recovery> begin(commit_listener& listener) = 0;

  /// Faults: idempotency_mismatch; server_exists (register_server of a uuid
  /// that lives); server_locked when a constraint refuses the changes.
  virtual void accept(acceptance what,
                      std::function<void(result<accepted>)> done) = 0;

  /// Faults: server_locked (lane or lock held by another job, named in
  /// in_the_way), internal (anything the schema refuses: a bug).
  virtual void save(jobs::save what,
                    std::function<void(result<job_record>)> done) = 0;

  /// Changes that belong to no job, in one transaction. Only those that say
  /// so: record_found_backup, record_found_copy, record_lost_backup,
  /// claim_backup, record_verification, record_manifest, pin_backup,
  /// set_rotation, set_schedule, tell_panel, record_delivery,
  /// set_server_config, quarantine_server, pause_pool, resume_pool,
  /// keep_transfer, keep_transfer_part, keep_token, revoke_token,
  /// note_token_use, keep_audit, put_system. Faults as theirs.
  virtual void amend(std::vector<change> what,
                     std::function<void(status)> done) = 0;

  /// A token id is used up until it has expired. False when it was already.
  virtual void burn_token(std::string id, time_ms expires_at,
                          std::function<void(result<bool>)> done) = 0;

  /// Best effort, no version step, no event; the newest per job wins.
  virtual void save_progress(std::int64_t job_row, progress what) = 0;

  /// Removes a terminal job's record with its steps and events; keys that led
  /// to it lead to job_expired until they are over. Faults: job_not_found,
  /// job_not_ended; job_needed: something still needs it: a server, a volume in
  /// the trash, what its restore has replaced, a report that the Panel has not
  /// got.
  virtual void forget(job_id id, std::function<void(status)> done) = 0;

  /// The process is about to end on purpose, now or after a while: what still
  /// runs when it does has not crashed it. Best effort. A ledger that ends the
  /// process because it cannot be written sees to that by itself.
  virtual void ending() = 0;

  /// Marks the boot clean, closes the database. Blocking; the last call.
  virtual void end() = 0;
};

/// Reading beside the writer, on read-only connections. Blocking (microseconds
/// to milliseconds); any thread but the I/O thread.
struct job_filter {
  std::vector<job_id> ids; ///< at most 100
  server_id server;        ///< empty: any
  std::string kind;        ///< exact, or a prefix ending in ".*"
  std::vector<job_state> states;
  std::optional<bool> done;
  time_ms created_after = 0;
  /// How the id of the job or the uuid of its server begins; empty: any. At
  /// least 8 characters, or many rows are sorted for a page.
  std::string begins = {};
};

struct job_page {
  std::vector<job_record> items;
  std::int64_t next_before = 0; ///< row cursor; 0: no more
};

struct event_filter {
  job_id job;       ///< empty: all
  server_id server; ///< empty: all
  std::string kind; ///< as in job_filter
  bool matches(const event& e) const;
};

struct event_page {
  std::vector<event> items;
  /// The cursor is older than the retained log: the reader missed events and
  /// must take a snapshot.
  bool truncated = false;
  /// The newest of the whole log when it was read, whatever the filter and the
  /// limit: a cursor beyond it belongs to another log.
  std::int64_t last_seq = 0;
};

class queries : public backup_records,
                public report_records,
                public access_records,
                public system_records {
public:
  virtual result<std::optional<job_record>> find_job(const job_id& id) = 0;
  /// The live server of that uuid.
  virtual result<std::optional<server_record>>
  find_server(const server_id& id) = 0;
  /// Newest first, strictly below `before` (0: from the newest).
  virtual result<job_page> list_jobs(const job_filter& filter,
                                     std::int64_t before,
                                     std::size_t limit) = 0;
  virtual result<event_page> events_after(std::int64_t seq,
                                          const event_filter& filter,
                                          std::size_t limit) = 0;
  virtual result<std::vector<trash_entry>> list_trash() = 0;
  /// The job that an earlier request with this key made; nothing when the key
  /// is not known. Faults: idempotency_mismatch, job_expired (its record was
  /// forgotten).
  virtual result<std::optional<job_record>>
  find_by_key(const idempotency& key) = 0;
  /// As it was last saved, in one unit: without `files` and `bytes`.
  virtual result<std::optional<progress>>
  find_progress(std::int64_t job_row) = 0;
};

} // namespace alula::jobs
