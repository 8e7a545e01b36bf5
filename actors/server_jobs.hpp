/// The live jobs of one server as plain data: who stands in which lane, and
/// what is under way for each.
#pragma once

#include "actors/alarm_clock.hpp"
#include "actors/protocol.hpp"
#include "actors/step_run.hpp"
#include "jobs/kind.hpp"
#include "jobs/lifecycle.hpp"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace alula::actors {

/// A happening on its way into the ledger, and who waits for that.
struct intent {
  jobs::happening what;
  std::vector<jobs::change> changes = {};
  view_answer view = {};
  ticket_answer ticket = {};
  /// The ticket is good even when the happening is refused.
  bool joined = false;
  jobs::accept_outcome outcome =
      jobs::accept_outcome::joined; ///< of the ticket
  std::optional<jobs::idempotency> key = {};
  int resyncs = 0;
};

/// One live job. At most one intent is being saved at a time, and no decision
/// about the next thing to do is made before it is.
struct live_job {
  jobs::job_record record;
  const jobs::kind* kind = nullptr; ///< null: this release cannot run it

  std::deque<intent> intents;
  bool saving = false;
  intent saved_intent; ///< while saving
  std::uint64_t save_number = 0;

  std::string pool; ///< where a worker was wished for, granted or is at work
  bool wishing = false;
  bool wishes_undo = false; ///< of the last wish
  std::uint64_t wish = 0;
  std::uint64_t ticket = 0;         ///< of the granted worker; 0: none
  step_run_ptr run;                 ///< while a worker is at it
  jobs::time_ms stopping_since = 0; ///< uptime; a stalled run was told to stop
  bool stuck = false;

  bool nudged = false; ///< another job of the server has ended: look now
  jobs::time_ms held_until = 0; ///< nothing is tried before
  int busy_tries = 0; ///< of the current step; those that use no attempt
  alarm_clock::id wake_alarm = 0;
  alarm_clock::id run_alarm = 0;
  alarm_clock::id wish_alarm = 0;
};

/// The step of the job's kind; null when there is none of that name.
const jobs::step* find_step(const live_job& job, std::size_t index);

/// The steps of the record are those of this kind, in this order, and the plan
/// is of this version; or it is an older one that the kind still runs, and they
/// are its first.
bool can_run(const jobs::kind* kind, const jobs::job_record& job);

/// All live jobs of one server. References stay good until remove().
class server_jobs {
public:
  live_job& add(jobs::job_record record, const jobs::kind* kind);
  void remove(const jobs::job_id& id);

  live_job* find(const jobs::job_id& id);
  bool empty() const { return jobs_.empty(); }
  /// Copies, because running a job may remove others.
  std::vector<jobs::job_id> ids() const;
  std::vector<live_job*> all();
  std::vector<live_job*> others(const live_job& than);

  /// The job that its lane belongs to: the one with an owner state, else the
  /// one that was begun, else the oldest.
  live_job& first_of_lane(const live_job& job);

private:
  std::map<jobs::job_id, live_job> jobs_;
};

} // namespace alula::actors
