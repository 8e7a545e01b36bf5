/// The vocabulary of a job kind. A kind is a constant: its name, how its
/// arguments are read, and its table of steps. Steps are plain functions over
/// ports; the one loop that runs them is in actors/server_actor.cpp.
///
/// When the ledger refuses the changes of an outcome, the step has failed with
/// that fault, and is retried or undone like after any other.
///
/// The contract of a step: it makes something so, and may be run again at any
/// time after a crash (look, act, fsync, look). What it changes on disk is
/// durable before it returns step_done. Step names are data: they stand in the
/// ledger, the log and the API, so renaming one needs a migration.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace alula::jobs {

struct ports;

/// What a step sees. Lives as long as the step runs, on one worker thread.
class step_context {
public:
  step_context(const job_record& of, const ports& where, std::stop_token asked,
               time_ms started, std::function<void(progress)> report)
    : job(of), node(where), stop(std::move(asked)), now(started),
      report_(std::move(report)) {}

  const job_record& job;
  const ports& node;
  /// Asked to stop: a cancel or a shutdown. Steps look at it at least once per
  /// MiB or 256 files and return an `interrupted` fault.
  const std::stop_token stop;
  const time_ms now; ///< when the step was started

  /// Cheap, from any thread; the engine samples. Also the sign of life that
  /// the stall clock watches.
  void report(progress p) const { report_(std::move(p)); }

private:
  std::function<void(progress)> report_;
};

/// The step's effect is durable. `changes` are committed together with the
/// outcome, in one transaction (design 3).
struct step_done {
  std::string output = {}; ///< JSON for later steps, or empty
  std::vector<change> changes = {};
  std::string job_result = {}; ///< JSON that becomes the job's result
};

/// Not now, and nobody's fault: uses no attempt. The slot is given back and
/// the job shows `reason` and `message` until `delay` is over.
struct step_waits {
  std::string reason;  ///< CamelCase and stable: "DockerUnavailable"
  std::string message; ///< a sentence for people
  std::chrono::milliseconds delay;
};

/// A part of a long step is done and durable: `changes` are committed with its
/// output so far, and the step is run again, from there. A crash costs what was
/// not told yet, a cancel comes in between. Not of an undo.
struct step_goes_on {
  std::string output; ///< JSON; the next run finds it in the job's step
  std::vector<change> changes = {};
  /// As of step_done: what the job has to tell even if it fails from here on.
  std::string job_result = {};
};

using step_outcome = std::variant<step_done, step_waits, step_goes_on, fault>;
using step_function = step_outcome (*)(step_context&);

struct lock_request {
  std::string resource; ///< "server:12", "backup:<uuid>"
  bool exclusive = true;
};

struct step {
  std::string_view name;
  step_class cls;
  step_function run;
  /// Takes back what `run` did; needed by compensatable steps that leave
  /// something behind. Idempotent like `run`, also after a half-done `run`.
  step_function undo = nullptr;
  std::string_view pool = "lifecycle"; ///< which worker pool runs it
  /// Which one undoes it, where those of the first may be taken up by others
  /// for long; empty: the same.
  std::string_view undo_pool = {};
  /// Other live jobs of the server are cancelled, and awaited, before it runs.
  bool alone = false;
  /// What it waits for (step_waits) comes with the time, or when a neighbour
  /// ends: a boot is no reason to look again.
  bool keeps_time = false;
  /// Of a step behind the pivot: the job is apart (see kind) while this one is
  /// next or under way, but not when it is parked in it.
  bool is_apart = false;
  /// No sign of life for this long: asked to stop, then shown as stuck. Of a
  /// step that reports nothing this is the limit of the whole.
  std::chrono::milliseconds stall_limit = std::chrono::minutes{5};

  std::string_view pool_of(bool undoing) const {
    return undoing && !undo_pool.empty() ? undo_pool : pool;
  }
};

/// What a caller of `read` knows of the request.
struct submission;

/// What a kind makes of a request: the part of a job only it can know.
struct job_draft {
  std::string input = "{}";   ///< JSON; no secrets
  std::string dedup_key = {}; ///< empty: never joined to another job
  std::string lane = {};      ///< appended to the kind's; "": the kind's own
  std::vector<change> changes = {};     ///< committed with the accept
  std::vector<lock_request> locks = {}; ///< taken when the job is claimed
  /// Steps this request has no use for: they are `skipped` from the accept on.
  std::vector<std::string_view> skipped = {};
};

struct kind {
  std::string_view name; ///< "server.delete"
  int plan_version = 1;
  /// Jobs of plans since this one are run as well, to the end of their own
  /// steps: every later plan has added steps at the end and changed none. 0:
  /// those of plan_version alone.
  int oldest_plan = 0;
  std::string_view lane =
      ""; ///< appended to "server:<row>"; "" is the main one
  int priority = 2;
  int max_attempts = 20; ///< failed tries of one step before it is given up
  /// For the whole job, counted from the accept; past it no failed step is
  /// tried again before the pivot. Zero for none.
  std::chrono::milliseconds deadline{0};
  /// The accept commit itself is the pivot: nobody is left to ask again.
  bool pivot_at_accept = false;
  /// Cancels and outlives whatever else the server does; the server refuses
  /// every other new job from the accept on.
  bool preempts = false;
  /// Whether an older live job of the server is pointless once `newer` is
  /// accepted: it is cancelled then, if it still can be. Null: none is.
  bool (*supersedes)(const job_record& newer,
                     const job_record& older) = nullptr;
  /// Works on what the server has left behind only: it neither waits for the
  /// server's other jobs nor keeps one of them from being alone.
  bool is_apart = false;
  /// Name of the kind that finishes what a job of this kind left behind when
  /// it was given up; submitted with that job as its subject. Or empty.
  std::string_view finished_by = "";
  /// Name of the step after which the caller of a synchronous route is told
  /// "done". Empty: when the job is accepted.
  std::string_view answer_after = "";
  /// Checks the arguments; runs on the door's thread, must not block.
  result<job_draft> (*read)(const submission&);
  std::vector<step> steps;
  /// What is committed with the end of a job that failed or was cancelled,
  /// wherever and whenever it ends: who waits for its outcome hears of it. The
  /// record is the one that is saved, of any plan version. Null: nothing.
  std::vector<change> (*when_over)(const job_record& ended) = nullptr;
  /// The undo of the first step only tells clients that nothing came of it, and
  /// does not block: it is called, too, when the job has ended before that
  /// step.
  bool tells_when_unbegun = false;
};

/// The rows of a job of this kind as they are when it is accepted. `lane` holds
/// the kind's suffix only: the ledger makes it whole once it knows the row of
/// the server ("server:12", "server:12:trash", or "node" without a server).
job_record plan(const kind& k, const job_draft& draft, time_ms now);

/// What the kind has to say to the end of the job; nothing when it has not
/// ended, or has succeeded: its steps have said all.
std::vector<change> changes_at_end(const kind& k, const job_record& job);

/// Tells clients of a job of this kind that has ended before its first step, as
/// the kind wants it; of any other job nothing. Does not block.
void tell_unbegun(const kind& k, const job_record& job, const ports& node);

/// The kinds an engine knows; a job of an unknown kind read from the ledger is
/// parked, never dropped.
class catalog {
public:
  explicit catalog(std::vector<const kind*> kinds) : kinds_(std::move(kinds)) {}
  const kind* find(std::string_view name) const;
  const std::vector<const kind*>& all() const { return kinds_; }

private:
  std::vector<const kind*> kinds_;
};

} // namespace alula::jobs
