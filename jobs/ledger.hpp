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

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "jobs/kind.hpp"
#include "jobs/lifecycle.hpp"
#include "jobs/server.hpp"

#include <cstdint>
#include <functional>
#include <optional>
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
  std::vector<server_record> servers; ///< all that are not deleted
  std::vector<job_record> jobs;       ///< all that are not terminal
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

  /// Best effort, no version step, no event; the newest per job wins.
  virtual void save_progress(std::int64_t job_row, progress what) = 0;

  /// Removes a terminal job's record. Faults: job_not_found, server_locked
  /// (not terminal).
  virtual void forget(job_id id, std::function<void(status)> done) = 0;

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

class queries {
public:
  virtual ~queries() = default;
  virtual result<std::optional<job_record>> find_job(const job_id& id) = 0;
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
  virtual result<std::optional<progress>>
  find_progress(std::int64_t job_row) = 0;
};

} // namespace alula::jobs
