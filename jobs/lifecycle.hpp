/// The state machine of a job as one pure function: what a happening makes of
/// a record. No clock, no I/O; the server actor feeds it and saves what comes
/// out, the ledger refuses what it must never say (job-engine B.2).
#pragma once

#include "jobs/job.hpp"
#include "jobs/kind.hpp"
#include "jobs/retry.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace alula::jobs {

namespace happened {

/// A worker is about to run the current step (or its undo) for `boot`. Claims
/// a queued, waiting or parked-and-retried job at the same time.
struct step_started {
  std::int64_t boot;
  std::string pool = {}; ///< where it runs; shown with the job
};
struct step_done {
  std::string output;
  std::string job_result;
};
/// The step failed. `delay` is what the retry policy drew.
struct step_failed {
  fault why;
  retry_decision retry;
};
struct step_waits {
  std::string reason, message;
  time_ms until;
};
/// A part of the step is done: it is run again, and what has failed before is
/// over.
struct step_went_on {
  std::string output;
  std::string job_result = {}; ///< empty: what it was
};
/// Stopped by a graceful shutdown: costs no attempt.
struct interrupted {};
/// Boot recovery: the process died while this job was running.
struct adopted {
  std::int64_t boot;
  bool crashed = true; ///< false: the boot it ran for ended on purpose
  /// progress::done of the step as far as the ledger knows; 0 when it does not.
  std::int64_t done = 0;
};
/// The job waits outside a step (other jobs, a busy pool): only the words.
struct delayed {
  std::string reason, message;
};
/// `boot` runs the undo when there is something to take back.
struct cancel_requested {
  std::int64_t boot;
};
struct undo_done {};
struct undo_failed {
  fault why;
  retry_decision retry;
};
/// An operator, or the same request again, offers a parked job another go.
struct retry_requested {
  std::int64_t boot;
};
struct abandoned {
  std::string why;
};
/// This release cannot run the job (unknown kind or plan): it is parked.
struct unrunnable {
  fault why;
};

} // namespace happened

using happening = std::variant<
    happened::step_started, happened::step_done, happened::step_failed,
    happened::step_waits, happened::step_went_on, happened::interrupted,
    happened::adopted, happened::delayed, happened::cancel_requested,
    happened::undo_done, happened::undo_failed, happened::retry_requested,
    happened::abandoned, happened::unrunnable>;

struct event_draft {
  std::string type;
  std::string data = "{}";
};

/// A record as it will be once saved: `after.version` is the stored version
/// plus one. When nothing changes (a second cancel) the version is the same,
/// there are no events, and there is nothing to save.
struct decision {
  job_record after;
  std::vector<event_draft> events;
};

/// Three crashes in one step park the job (design 3), unless it came further
/// each time: a purge of a week outlives three power cuts.
inline constexpr int max_crashes_in_one_step = 3;

/// Refuses (past_pivot, already_finished, not_parked, internal) what may not
/// happen to a job in this state; the record is then unchanged. `keep` says how
/// long a job that ends stays readable.
///
/// While a job is cancelling, the forward step that was running may still
/// report: `step_done` is recorded, any other end leaves the step to its undo.
result<decision> decide(const job_record& before, const happening& what,
                        time_ms now, const retention& keep);

} // namespace alula::jobs
