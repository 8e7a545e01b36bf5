/// The record of one job: what was asked, how far it is, and why it waits.
/// A job is data: its steps are rows written when it is accepted, so a list of
/// them can be shown before it runs and a newer release can finish an old plan.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// job-engine B.2. Owner states (running, retry_wait, cancelling, parked) hold
/// the lane and the locks; terminal states are immutable.
enum class job_state {
  queued,
  running,
  retry_wait, ///< between two tries of a step, or waiting for a condition
  cancelling, ///< undoing what was done
  parked,     ///< needs an operator; keeps its lane and locks
  succeeded,
  failed,
  cancelled,
};

/// Saga classes. Before the pivot a failed job is undone, after it the job
/// only moves forward.
enum class step_class { compensatable, pivot, retriable };

enum class step_state { pending, started, done, skipped, undoing, undone };

std::string_view to_string(job_state s);
std::string_view to_string(step_class c);
std::string_view to_string(step_state s);
std::optional<job_state> parse_job_state(std::string_view text);
std::optional<step_class> parse_step_class(std::string_view text);
std::optional<step_state> parse_step_state(std::string_view text);

bool is_terminal(job_state s);
bool is_owner(job_state s);

/// Which state may follow which. Tests hold jobs::decide to it, and compare it
/// with the table job_transitions, which the database holds every job to.
bool may_follow(job_state from, job_state to);

struct step_record {
  std::string name;
  step_class cls = step_class::retriable;
  step_state state = step_state::pending;
  int attempt = 0; ///< failed tries of this step
  /// Times the process died in this step without having come further than the
  /// time before.
  int crashes = 0;
  /// progress::done as it was last known when the process died in this step,
  /// the most of all times. A step that goes on where it was counts on from it.
  std::int64_t reached = 0;
  std::string output;         ///< JSON, or empty
  std::optional<fault> error; ///< of the last failed try
  time_ms started_at = 0;     ///< of the first try
  time_ms finished_at = 0;
};

/// The same work counted in another unit.
struct work_count {
  std::int64_t done = 0;
  std::int64_t total = 0; ///< 0 when unknown
};

/// How far a running step is. Held in memory, sampled into the ledger, which
/// keeps one unit: what a step goes on from after a crash.
struct progress {
  std::int64_t done = 0;
  std::int64_t total = 0; ///< 0 when unknown
  std::string unit;       ///< "entries", "bytes"; empty when nothing to tell
  /// Beside bytes, and bytes beside entries, where a step knows both.
  std::optional<work_count> files = {};
  std::optional<work_count> bytes = {};
  std::string message; ///< a phrase for people
  double rate = 0;     ///< units per second, smoothed; 0 when unknown
  time_ms updated_at = 0;
};

struct job_record {
  std::int64_t row = 0; ///< the ledger's key; 0 before it was accepted
  job_id id;
  std::string kind;
  int plan_version = 1;
  std::int64_t server_row = 0; ///< the incarnation of the server, 0 if none
  server_id server;            ///< its uuid, empty if none
  std::string lane;            ///< "server:12", "server:12:trash", "node"
  std::string pool;            ///< of the current or next step
  int priority = 2;            ///< 0 (first) to 3
  job_state state = job_state::queued;
  std::int64_t version = 1; ///< +1 with each saved change
  std::string dedup_key;    ///< natural key; one live job per key
  std::string input = "{}"; ///< JSON, never a secret
  std::string result;       ///< JSON, or empty
  std::optional<fault> error;
  std::string reason;  ///< CamelCase, why it waits: "DockerUnavailable"
  std::string message; ///< the same for people
  /// When it began to wait for `reason`; 0: it does not, or that is not known.
  /// For people: jobs::waiting_since.
  time_ms waiting_since = 0;
  /// Since when the step it is at comes no further, for whatever reasons in
  /// turn; the last of them, and since when it is that one. Kept over tries,
  /// other waits and restarts, until the step is done or the job goes another
  /// way. 0 and empty: nothing holds it up.
  time_ms held_since = 0;
  std::string held_by = {};
  time_ms held_by_since = 0;
  int attempt = 0;
  int max_attempts = 20;
  int crashes = 0;
  bool past_pivot = false;
  time_ms cancel_requested_at = 0;
  std::int64_t boot = 0; ///< the boot that runs it; 0 unless running/cancelling
  job_id retry_of;
  time_ms run_at = 0; ///< not before
  time_ms deadline_at = 0;
  time_ms created_at = 0;
  time_ms started_at = 0;
  time_ms finished_at = 0;
  time_ms expires_at = 0;
  int answer_after = -1; ///< step whose end answers the caller; -1: the accept
  std::vector<step_record> steps;

  bool is_done() const { return is_terminal(state); }
  /// The caller of the old route may be told "done": the marked step is done.
  bool is_answered() const;
  /// A cancel would be accepted now.
  bool is_cancellable() const;
  /// A restore, or the undo of one, that may have left something to take it
  /// back with; whether it has is in the ledger (backup_desk::find_undoable).
  bool may_be_undone() const;
  const step_record* find_step(std::string_view name) const;
};

/// An immutable picture of a job for pollers. Any thread may read it.
class job_view {
public:
  job_view(job_record record, std::optional<progress> progress,
           std::int64_t progress_revision);
  /// The same job once it is known whether it can be taken back, which is no
  /// part of its frozen record: until then, or 0 when it cannot be.
  job_view(const job_view& job, time_ms undo_until);

  const job_record& record() const { return record_; }
  const std::optional<jobs::progress>& current_progress() const {
    return progress_;
  }
  /// Nothing: nobody has asked.
  std::optional<time_ms> undo_until() const { return undo_until_; }
  /// `"<version>.<progress revision>"` with the quotes (RFC 9110, 8.8.3), and
  /// until when it can be taken back as a third number, if it can.
  const std::string& etag() const { return etag_; }
  /// The job as the API shows it (job-engine B.5); rendered once, on demand.
  const std::string& json() const;

private:
  job_record record_;
  std::optional<jobs::progress> progress_;
  std::optional<time_ms> undo_until_;
  std::string etag_;
  mutable std::once_flag rendered_;
  mutable std::string json_;
};

using job_view_ptr = std::shared_ptr<const job_view>;

/// A committed fact about a job. `seq` is the ledger's total order and the
/// cursor of every stream (SSE `id:`); there are no gaps to wait for.
struct event {
  std::int64_t seq = 0;
  std::int64_t job_row = 0; ///< 0 for events of no job
  job_id job;
  server_id server;
  std::string kind; ///< of the job
  std::string type; ///< "job.accepted", "job.step", "job.succeeded"
  std::int64_t job_version = 0;
  time_ms at = 0;
  std::string data = "{}"; ///< JSON object
  /// The job's, when it is about systems: whose it is stands there. Never told.
  std::string input = {};
};

} // namespace alula::jobs
