#include "actors/server_actor.hpp"

#include "jobs/job_in_front.hpp"
#include "jobs/measures.hpp"
#include "jobs/next_action.hpp"
#include "jobs/ports.hpp"
#include "jobs/system_objects.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace alula::actors {

namespace {

template<class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template<class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

/// How long a job is left alone after the ledger or the state machine refused
/// something that was never expected to be refused.
constexpr std::chrono::milliseconds hold_after_surprise{60'000};

/// A try has failed and that is on record; counted unless it was the last one,
/// after which the job is in another state than this.
void count_retry(const jobs::job_record& job, jobs::job_state if_in,
                 jobs::step_state of) {
  const auto step = std::ranges::find(job.steps, of, &jobs::step_record::state);
  if (job.state == if_in && step != job.steps.end())
    jobs::observe(jobs::measure::step_retry, 1, job.kind + " " + step->name);
}

bool is_parked(const live_job& job) {
  return job.record.state == jobs::job_state::parked;
}

} // namespace

// -- the loop -----------------------------------------------------------------

void server_actor::happen(live_job& job, intent what) {
  job.intents.push_back(std::move(what));
  pump(job);
}

/// The job may be gone afterwards: callers touch it no more.
void server_actor::pump(live_job& job) {
  if (job.saving)
    return;
  while (!job.intents.empty()) {
    auto next = std::move(job.intents.front());
    job.intents.pop_front();
    auto decided =
        jobs::decide(job.record, next.what, now(), parts().settings.keep);
    if (!decided) {
      refused(job, next, decided.error());
    } else if (decided->after.version == job.record.version) {
      settled(job, next);
    } else {
      save(job, std::move(next), *std::move(decided));
      return;
    }
  }
  advance(job);
}

void server_actor::save(live_job& job, intent what, jobs::decision decided) {
  job.saving = true;
  const auto number = ++job.save_number;
  auto changes = what.changes;
  // Also of a job that this release cannot run: somebody waits to hear of it.
  if (const auto* kind = parts().kinds.find(job.record.kind))
    std::ranges::move(jobs::changes_at_end(*kind, decided.after),
                      std::back_inserter(changes));
  auto key = what.key;
  job.saved_intent = std::move(what);
  parts().ledger.save(
      {std::move(decided.after),
       std::move(decided.events),
       std::move(changes),
       {},
       std::move(key)},
      [here = place_.here, id = job.record.id, life = place_.life,
       number](jobs::result<jobs::job_record> r) {
        here->send(
            job_saved{id, life, number,
                      std::make_shared<const jobs::result<jobs::job_record>>(
                          std::move(r))});
      });
}

void server_actor::handle(const job_saved& m) {
  auto* job = jobs_.find(m.id);
  if (!job || m.life != place_.life || m.number != job->save_number)
    return;
  job->saving = false;
  auto what = std::move(job->saved_intent);
  job->saved_intent = {};
  const bool was_parked = is_parked(*job);
  if (*m.what) {
    job->record = m.what->value();
    settled(*job, what);
  } else {
    save_failed(*job, std::move(what), m.what->error());
  }
  const bool is_news = is_parked(*job) != was_parked;
  pump(*job);
  if (is_news)
    look_at_all(); // those in line behind it say that it is
  else
    look_at_preempting(m.id);
  check_idle();
}

/// It is on disk: act, and tell who asked.
void server_actor::settled(live_job& job, const intent& what) {
  std::visit(
      overloaded{
          [&](const jobs::happened::step_started&) {
            job.nudged = false;
            start_run(job);
          },
          [&](const jobs::happened::step_done&) { job.busy_tries = 0; },
          [&](const jobs::happened::step_went_on&) { job.busy_tries = 0; },
          [&](const jobs::happened::undo_done&) { job.busy_tries = 0; },
          [&](const jobs::happened::step_failed&) {
            count_retry(job.record, jobs::job_state::retry_wait,
                        jobs::step_state::started);
          },
          [&](const jobs::happened::undo_failed&) {
            count_retry(job.record, jobs::job_state::cancelling,
                        jobs::step_state::undoing);
          },
          [&](const jobs::happened::abandoned&) {
            parts().given_up(job.record);
          },
          [&](const jobs::happened::cancel_requested&) {
            if (job.run && !job.run->is_undo())
              job.run->ask_to_stop(stop_cause::cancelled);
            if (const auto* kind = parts().kinds.find(job.record.kind))
              jobs::tell_unbegun(*kind, job.record, parts().node);
          },
          [&](const jobs::happened::retry_requested&) {
            job.busy_tries = 0;
            job.held_until = 0;
          },
          [](const auto&) {},
      },
      what.what);
  if (what.view)
    what.view(view_of(job.record));
  if (what.ticket)
    what.ticket(jobs::ticket{view_of(job.record), what.outcome});
}

void server_actor::refused(live_job& job, const intent& what,
                           const jobs::fault& why) {
  if (what.view)
    what.view(why);
  if (what.ticket && what.joined)
    what.ticket(jobs::ticket{view_of(job.record), what.outcome});
  else if (what.ticket)
    what.ticket(why);
  if (why.code != jobs::fault_code::internal)
    return;
  jobs::log(jobs::log_level::error, "happening-refused",
            {{"job", job.record.id.view()}, {"why", why.what}});
  release_worker(job);
  hold(job, hold_after_surprise);
}

void server_actor::save_failed(live_job& job, intent what,
                               const jobs::fault& why) {
  constexpr int most_resyncs = 3;
  const auto newest = parts().board.peek(job.record.id);
  if (newest && newest->record().version > job.record.version
      && what.resyncs < most_resyncs) {
    // An earlier life of this actor has saved something meanwhile.
    job.record = newest->record();
    ++what.resyncs;
    job.intents.push_front(std::move(what));
    return;
  }
  jobs::log(jobs::log_level::warning, "save-refused",
            {{"job", job.record.id.view()}, {"why", why.what}});
  const bool done =
      std::holds_alternative<jobs::happened::step_done>(what.what)
      || std::holds_alternative<jobs::happened::step_went_on>(what.what);
  const bool undone =
      std::holds_alternative<jobs::happened::undo_done>(what.what);
  if (std::holds_alternative<jobs::happened::step_started>(what.what)) {
    release_worker(job);
    if (why.code == jobs::fault_code::server_locked)
      wait_in_line(job, why);
    else
      hold(job, hold_after_surprise);
  } else if ((done || undone) && !what.changes.empty()) {
    job.intents.push_front(failure(job, undone, why));
  } else {
    refused(job, what, why);
    hold(job, hold_after_surprise);
  }
}

/// Nothing has happened that is not saved: what comes next?
void server_actor::advance(live_job& job) {
  if (job.record.is_done()) {
    finish(job);
    return;
  }
  if (job.run)
    return;
  const bool held = job.held_until > now();
  const bool parked = is_parked(job);
  if (draining_ || held || parked)
    release_worker(job);
  if (held || parked)
    return;
  if (draining_) {
    if (job.record.state == jobs::job_state::running)
      happen(job, {jobs::happened::interrupted{}});
    return;
  }
  auto& first = jobs_.first_of_lane(job);
  if (&first != &job) {
    release_worker(job);
    if (job.kind && job.kind->preempts)
      send_away(first, job);
    show_waiting(job, "WaitingInLine", jobs::words_of_line(first.record));
    return;
  }
  if (!job.kind) {
    happen(job, {jobs::happened::unrunnable{
                    {.code = jobs::fault_code::not_implemented,
                     .what = "this release of alula cannot run plan version "
                             + std::to_string(job.record.plan_version) + " of "
                             + job.record.kind}}});
    return;
  }
  const auto at = job.nudged ? std::max(now(), job.record.run_at) : now();
  const auto action = jobs::next_action(job.record, at);
  if (const auto* run = std::get_if<jobs::run_step>(&action)) {
    advance_step(job, run->index, false);
  } else if (const auto* undo = std::get_if<jobs::undo_step>(&action)) {
    advance_step(job, undo->index, true);
  } else {
    release_worker(job);
    if (const auto* wait = std::get_if<jobs::wait_until>(&action))
      wake_at(job, wait->at);
  }
}

void server_actor::advance_step(live_job& job, std::size_t index, bool undo) {
  const auto* step = find_step(job, index);
  if (undo && !step->undo) {
    happen(job, {jobs::happened::undo_done{}});
    return;
  }
  if (!undo && step->alone && !is_alone(job)) {
    release_worker(job);
    clear_the_way(job);
    return;
  }
  // A pause takes back a worker that was granted and has not begun.
  const auto pool = step->pool_of(undo);
  const bool may_begin = undo || !parts().pauses.is_paused(pool);
  if (job.ticket != 0 && job.pool == pool && may_begin)
    happen(job, {jobs::happened::step_started{parts().boot, job.pool}});
  else
    wish_worker(job, pool, undo);
}

/// What a job waits for may be what another one has done, an undelete say, or
/// may have come true while nobody looked. One that waits after a failure keeps
/// its time.
void server_actor::nudge(live_job& job) {
  job.nudged = std::ranges::none_of(job.record.steps, [](const auto& step) {
    return step.state == jobs::step_state::started && step.error;
  });
}

/// However it has ended: one that was given up could not give it back itself.
void server_actor::free_room(const live_job& job) {
  const auto& node = parts().node;
  node.volumes.release(job.record.id);
  node.archives.release(job.record.id);
  if (node.systems)
    node.systems->objects.release(job.record.id);
}

void server_actor::finish(live_job& job) {
  release_worker(job);
  disarm_all(job);
  free_room(job);
  jobs_.remove(job.record.id);
  for (auto* other : jobs_.all())
    nudge(*other);
  look_at_all();
}

void server_actor::look_at_all() {
  for (const auto& id : jobs_.ids())
    if (auto* job = jobs_.find(id))
      pump(*job);
}

/// What has happened to one job may be what lets a preempting one send it away.
void server_actor::look_at_preempting(const jobs::job_id& changed) {
  for (const auto& id : jobs_.ids()) {
    auto* job = id == changed ? nullptr : jobs_.find(id);
    if (job && job->kind && job->kind->preempts)
      pump(*job);
  }
}

void server_actor::check_idle() {
  if (*place_.accepting > 0)
    return;
  if (!draining_) {
    if (jobs_.empty())
      parts().registry->send(may_i_retire{place_.key, place_.life, seen_});
    return;
  }
  for (const auto* job : jobs_.all()) {
    const bool held = job->held_until > now();
    const bool moves = job->record.state == jobs::job_state::running && !held;
    if (job->run || job->saving || !job->intents.empty() || moves)
      return;
  }
  parts().registry->send(is_quiet{place_.key, place_.life, seen_});
}

// -- its life -----------------------------------------------------------------

void server_actor::begin(caf::event_based_actor* self, server_place place) {
  self_ = self;
  place_ = std::move(place);
}

void server_actor::broke(const char* what) {
  jobs::log(jobs::log_level::error, "server-actor-threw",
            {{"server", place_.key}, {"what", what}});
  for (auto* job : jobs_.all())
    disarm_all(*job);
  parts().registry->send(actor_broke{place_.key, place_.life});
  self_->quit();
}

jobs::job_view_ptr server_actor::view_of(const jobs::job_record& record) const {
  if (auto view = parts().board.peek(record.id);
      view && view->record().version >= record.version)
    return view;
  return std::make_shared<jobs::job_view>(record, std::nullopt, 0);
}

caf::behavior run_server_actor(self_of<server_actor> self, server_place place) {
  self->state.begin(self, std::move(place));
  return {on<start_job>(self),      on<job_accepted>(self),
          on<adopt_jobs>(self),     on<cancel_job>(self),
          on<retry_job>(self),      on<abandon_job>(self),
          on<drain>(self),          on<job_saved>(self),
          on<worker_granted>(self), on<still_running>(self),
          on<step_ended>(self),     on<wake_job>(self),
          on<look_at_run>(self),    on<still_no_worker>(self)};
}

} // namespace alula::actors
