// The part of the server actor that deals with jobs in each other's way.
#include "actors/server_actor.hpp"
#include "jobs/job_in_front.hpp"
#include "jobs/next_action.hpp"

#include <algorithm>
#include <utility>

namespace alula::actors {

using std::chrono::milliseconds;

namespace {

/// A wait for other jobs ends with theirs; this is for what nobody tells.
constexpr milliseconds look_again{60'000};

/// A step that is apart waits for others; a job parked in one waits for nobody,
/// and is given up like any other.
bool is_apart(const live_job& job) {
  if (!job.kind || job.kind->is_apart)
    return job.kind != nullptr;
  if (job.record.state == jobs::job_state::parked)
    return false;
  const auto next = jobs::forward_step(job.record);
  const auto* step = next ? find_step(job, *next) : nullptr;
  return job.record.past_pivot && step && step->is_apart;
}

} // namespace

live_job* server_actor::preempting(const jobs::acceptance& what,
                                   const jobs::job_id& subject) {
  const auto* asked = parts().kinds.find(what.job.kind);
  if (asked && asked->is_apart)
    return nullptr;
  for (auto* job : jobs_.all()) {
    const bool same = !what.job.dedup_key.empty()
                      && job->record.dedup_key == what.job.dedup_key;
    if (job->kind && job->kind->preempts && !same && job->record.id != subject)
      return job;
  }
  return nullptr;
}

/// Cancelled when it can be; a parked one that cannot, or was before, is given
/// up, because it would hold its lane for ever; everything else runs to its
/// end, and is looked at again when something has happened to it.
void server_actor::send_away(live_job& other, const live_job& because_of) {
  if (other.saving || !other.intents.empty() || other.record.is_done())
    return;
  const bool parked = other.record.state == jobs::job_state::parked;
  const bool undone_before = parked && other.record.cancel_requested_at != 0;
  if (other.record.is_cancellable() && !undone_before)
    happen(other, {jobs::happened::cancel_requested{parts().boot}});
  else if (parked)
    happen(other, {jobs::happened::abandoned{
                      "in the way of " + because_of.record.kind + " "
                      + because_of.record.id.to_string()}});
}

/// Jobs behind it in its own lane cannot run, so they do not count.
bool server_actor::is_alone(live_job& job) {
  return std::ranges::none_of(jobs_.others(job), [&](const live_job* other) {
    return other->record.lane != job.record.lane && !is_apart(*other);
  });
}

void server_actor::clear_the_way(live_job& job) {
  const auto id = job.record.id;
  std::string names;
  for (const auto* other : jobs_.others(job))
    if (other->record.lane != job.record.lane && !is_apart(*other))
      names += (names.empty() ? "" : ", ") + other->record.kind + " "
               + other->record.id.to_string();
  wake_in(job, look_again);
  show_waiting(job, "WaitingForOtherJobs", "waits for the end of " + names);
  send_others_away(id);
}

/// What nobody wants any more is cancelled; what is past that runs to its end.
void server_actor::supersede_others(const jobs::job_id& newer) {
  for (const auto& id : jobs_.ids()) {
    const auto* me = jobs_.find(newer);
    auto* other = jobs_.find(id);
    if (!me || !other || other == me || !me->kind || !me->kind->supersedes
        || other->record.row > me->record.row || other->record.is_done())
      continue;
    if (me->kind->supersedes(me->record, other->record))
      happen(*other, {jobs::happened::cancel_requested{parts().boot}});
  }
}

void server_actor::send_others_away(const jobs::job_id& because_of) {
  for (const auto& id : jobs_.ids()) {
    const auto* me = jobs_.find(because_of);
    auto* other = jobs_.find(id);
    if (me && other && other != me && !is_apart(*other))
      send_away(*other, *me);
  }
}

void server_actor::show_waiting(live_job& job, std::string reason,
                                std::string message) {
  if (job.record.reason == reason && job.record.message == message)
    return;
  happen(job, {jobs::happened::delayed{std::move(reason), std::move(message)}});
}

/// The ledger knows of an owner that this actor does not: a lock of another
/// server, or an earlier life's job.
void server_actor::wait_in_line(live_job& job, const jobs::fault& why) {
  hold(job, look_again);
  auto words = why.in_the_way.empty()
                   ? why.what
                   : "waits for the end of " + why.in_the_way;
  if (const auto id = jobs::job_id::parse(why.in_the_way)) {
    if (const auto view = parts().board.peek(*id)) {
      words = jobs::words_of_line(view->record());
      if (view->record().is_done())
        hold(job, milliseconds{1'000}); // it ended meanwhile
      else
        wake_after(job, view, look_again);
    }
  }
  job.intents.push_back(
      {jobs::happened::delayed{"WaitingInLine", std::move(words)}});
}

void server_actor::wake_after(live_job& job, const jobs::job_view_ptr& owner,
                              milliseconds limit) {
  parts().hub.await(
      owner, jobs::await_for::finished, {}, limit,
      view_answer{[here = place_.here, me = job.record.id](const auto& ended) {
        if (ended && ended.value()->record().is_done())
          here->send(wake_job{me});
      }});
}

// -- alarms -------------------------------------------------------------------

void server_actor::hold(live_job& job, milliseconds delay) {
  job.held_until = now() + delay.count();
  wake_in(job, delay);
}

void server_actor::wake_in(live_job& job, milliseconds delay) {
  parts().alarms.disarm(job.wake_alarm);
  job.wake_alarm =
      parts().alarms.arm(delay, [here = place_.here, id = job.record.id] {
        here->send(wake_job{id});
      });
}

/// By the clock that the job's record is kept by, which may be set.
void server_actor::wake_at(live_job& job, jobs::time_ms when) {
  parts().alarms.disarm(job.wake_alarm);
  job.wake_alarm =
      parts().alarms.arm_at(when, [here = place_.here, id = job.record.id] {
        here->send(wake_job{id});
      });
}

void server_actor::handle(const wake_job& m) {
  if (auto* job = jobs_.find(m.id)) {
    job->held_until = 0;
    pump(*job);
  }
  check_idle();
}

void server_actor::disarm_all(live_job& job) {
  for (auto* alarm : {&job.wake_alarm, &job.run_alarm, &job.wish_alarm})
    parts().alarms.disarm(std::exchange(*alarm, 0));
}

} // namespace alula::actors
