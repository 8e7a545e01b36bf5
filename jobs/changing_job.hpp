/// A job while something happens to it: the record as it will be, and the moves
/// that the rules of jobs/lifecycle.cpp are made of. Each tells its own events.
#pragma once

#include "jobs/job.hpp"
#include "jobs/lifecycle.hpp"
#include "jobs/result.hpp"
#include "jobs/retry.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace alula::jobs {

/// `before` and `keep` outlive it.
class changing_job {
public:
  changing_job(const job_record& before, time_ms at, const retention& keep);

  /// The end of it: what has become of the job, or that nothing has.
  result<decision> changed();
  result<decision> unchanged();

  void tell(std::string type);
  void tell_step(const step_record& step);

  /// The wait goes on as long as its reason does, in whatever words.
  void explain(std::string reason, std::string message);
  /// The step came no further. It has waited since it first did so for this
  /// reason, whatever the job said between two tries, and is held up since it
  /// first did so for any.
  void explain_held(std::string reason, std::string message);
  /// Nothing holds up the step it is at from now on.
  void let_go();

  void enter(job_state next);
  void hold_up(std::string reason, std::string message, time_ms until);
  bool may_try_again(error_class cls, const step_record& step) const;
  /// Before the pivot everything is taken back; after it nothing is, and an
  /// operator decides.
  void give_up(const fault& why);
  /// An accepted cancel stands, whatever became of it; a failure is told by
  /// the steps, see park().
  bool is_going_back() const;
  /// A job that was rolling back keeps a step that says so, or a retry would
  /// run it forward: the one whose undo comes next. Nothing runs any more.
  void park(fault why);
  void roll_back(std::int64_t boot);
  /// `cancelled` and `failed` mean that nothing of the job is left.
  void finish_rolled_back();
  void finish(job_state end);

  job_record job;
  const time_ms now;

private:
  const job_record& before_;
  const retention& keep_;
  std::vector<event_draft> events_;
};

} // namespace alula::jobs
