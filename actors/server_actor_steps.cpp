// The part of the server actor that deals with workers: it wishes for one,
// hands it the step, watches it, and turns what comes back into an intent.
#include "actors/server_actor.hpp"

#include <algorithm>
#include <utility>

namespace alula::actors {

using std::chrono::milliseconds;

// -- a worker, please ---------------------------------------------------------

void server_actor::wish_worker(live_job& job, std::string_view pool,
                               bool undo) {
  if (job.wishing && job.pool == pool && job.wishes_undo == undo)
    return;
  release_worker(job);
  job.pool = pool;
  job.wishing = true;
  job.wishes_undo = undo;
  parts().pools.at(job.pool)->send(want_worker{place_.key, job.record.id,
                                               job.record.priority, ++job.wish,
                                               place_.here, undo});
  job.wish_alarm = parts().alarms.arm(parts().settings.worker_patience,
                                      [here = place_.here, id = job.record.id] {
                                        here->send(still_no_worker{id});
                                      });
}

void server_actor::release_worker(live_job& job) {
  parts().alarms.disarm(std::exchange(job.wish_alarm, 0));
  if (!job.wishing && job.ticket == 0)
    return;
  parts().pools.at(job.pool)->send(drop_want{job.record.id});
  job.wishing = false;
  job.ticket = 0;
  ++job.wish; // an answer on its way is late now
}

void server_actor::handle(const worker_granted& m) {
  auto* job = jobs_.find(m.id);
  if (!job || !job->wishing || m.number != job->wish)
    return; // it was dropped, and the pool knows
  parts().alarms.disarm(std::exchange(job->wish_alarm, 0));
  job->wishing = false;
  job->ticket = m.ticket;
  pump(*job);
  check_idle();
}

void server_actor::handle(const still_running& m) {
  auto* job = jobs_.find(m.id);
  if (!job || !job->wishing || m.number != job->wish)
    return;
  parts().alarms.disarm(std::exchange(job->wish_alarm, 0));
  job->wishing = false;
  job->ticket = m.ticket;
  job->run = m.run;
  if (job->record.state == jobs::job_state::cancelling && !m.run->is_undo())
    m.run->ask_to_stop(stop_cause::cancelled);
  if (draining_)
    m.run->ask_to_stop(stop_cause::shutdown);
  watch_run(*job);
}

void server_actor::handle(const still_no_worker& m) {
  auto* job = jobs_.find(m.id);
  if (!job || !job->wishing)
    return;
  const auto pause = parts().pauses.find(job->pool);
  if (pause && !job->wishes_undo)
    show_waiting(*job, "PoolPaused", jobs::words_of(*pause));
  else
    show_waiting(*job, "WaitingForWorker",
                 "all workers of the pool \"" + job->pool + "\" are busy");
}

// -- a run --------------------------------------------------------------------

/// The start is on disk. A cancel may be waiting behind it; it finds the run.
void server_actor::start_run(live_job& job) {
  const bool undo = job.record.state == jobs::job_state::cancelling;
  const auto moving = std::ranges::find_if(job.record.steps, [&](auto& s) {
    return s.state
           == (undo ? jobs::step_state::undoing : jobs::step_state::started);
  });
  const auto index =
      static_cast<std::size_t>(moving - job.record.steps.begin());
  const auto* step = find_step(job, index);
  if (!step || job.ticket == 0)
    return; // advance() looks again
  job.run = std::make_shared<step_run>(job.record, *step, undo, parts().node);
  job.stopping_since = 0;
  job.stuck = false;
  if (draining_)
    job.run->ask_to_stop(stop_cause::shutdown);
  parts().pools.at(job.pool)->send(perform{job.ticket, job.run, place_.here});
  watch_run(job);
}

void server_actor::handle(const step_ended& m) {
  auto* job = jobs_.find(m.run->job().id);
  if (!job)
    return;
  if (job->run == m.run) {
    job->run = nullptr;
    job->ticket = 0;
  } else if (!job->run && job->wishing) {
    // A worker was at it since before this life of the actor, and ended before
    // the pool could say so: its outcome counts.
    const auto* step = job->record.find_step(m.run->step().name);
    const auto moving = m.run->is_undo() ? jobs::step_state::undoing
                                         : jobs::step_state::started;
    if (!step || step->state != moving)
      return;
    release_worker(*job);
  } else {
    return;
  }
  parts().alarms.disarm(std::exchange(job->run_alarm, 0));
  happen(*job, intent_of(*job, *m.run, *m.outcome));
  check_idle();
}

// -- is it alive? -------------------------------------------------------------

void server_actor::watch_run(live_job& job) {
  const auto& step = job.run->step();
  const auto up = parts().alarms.uptime();
  const auto begun = job.run->begun.load();
  auto left = step.stall_limit;
  if (begun != 0)
    left = milliseconds{job.run->sign_of_life + left.count() - up};
  if (job.stopping_since != 0)
    left = milliseconds{job.stopping_since
                        + parts().settings.stuck_grace.count() - up};
  parts().alarms.disarm(job.run_alarm);
  job.run_alarm = parts().alarms.arm(left, [here = place_.here, run = job.run] {
    here->send(look_at_run{run});
  });
}

void server_actor::handle(const look_at_run& m) {
  auto* job = jobs_.find(m.run->job().id);
  if (!job || job->run != m.run || job->stuck)
    return;
  const auto& step = m.run->step();
  const auto up = parts().alarms.uptime();
  const auto begun = m.run->begun.load();
  if (job->stopping_since != 0) {
    if (up - job->stopping_since >= parts().settings.stuck_grace.count()) {
      call_stuck(*job);
      return;
    }
  } else if (begun != 0
             && up - m.run->sign_of_life >= step.stall_limit.count()) {
    ask_stalled(*job);
  }
  watch_run(*job);
}

void server_actor::ask_stalled(live_job& job) {
  job.stopping_since = parts().alarms.uptime();
  job.run->ask_to_stop(stop_cause::stalled);
  jobs::log(jobs::log_level::warning, "step-stalled",
            {{"job", job.record.id.view()}, {"step", job.run->step().name}});
}

/// It is never run a second time beside itself: the job waits for the worker,
/// the pool does not.
void server_actor::call_stuck(live_job& job) {
  job.stuck = true;
  const std::string step{job.run->step().name};
  jobs::log(jobs::log_level::error, "step-stuck",
            {{"job", job.record.id.view()}, {"step", step}});
  parts().pools.at(job.pool)->send(replace_worker{job.ticket});
  show_waiting(job, "Stuck",
               "step \"" + step + "\" was asked to stop and does not return");
}

// -- what came of it ----------------------------------------------------------

intent server_actor::failure(live_job& job, bool undo, jobs::fault why) {
  const auto moving =
      undo ? jobs::step_state::undoing : jobs::step_state::started;
  int tries = job.busy_tries;
  std::string_view at;
  for (const auto& step : job.record.steps)
    if (step.state == moving) {
      tries += step.attempt;
      at = step.name;
    }
  if (why.where.empty())
    why.where = at;
  const auto retry =
      jobs::draw_retry(why, tries, parts().settings.retry, parts().random());
  if (retry.cls == jobs::error_class::busy)
    ++job.busy_tries;
  jobs::log(jobs::log_level::warning, undo ? "undo-failed" : "step-failed",
            {{"job", job.record.id.view()},
             {"step", at},
             {"where", why.where},
             {"code", jobs::slug(why.code)},
             {"why", why.what}});
  if (undo)
    return {jobs::happened::undo_failed{std::move(why), retry}};
  return {jobs::happened::step_failed{std::move(why), retry}};
}

namespace {

/// A step that was stopped says `interrupted`; the job shows what stopped it.
jobs::fault named_after_cause(const step_run& run, jobs::fault why) {
  if (why.code != jobs::fault_code::interrupted
      || run.cause() != stop_cause::stalled)
    return why;
  return {.code = jobs::fault_code::stuck,
          .what = "step \"" + std::string{run.step().name}
                  + "\" showed no sign of life for "
                  + std::to_string(run.step().stall_limit.count() / 1000)
                  + " s"};
}

} // namespace

intent server_actor::intent_of(live_job& job, const step_run& run,
                               const jobs::step_outcome& outcome) {
  if (const auto* done = std::get_if<jobs::step_done>(&outcome)) {
    if (run.is_undo())
      return {.what = jobs::happened::undo_done{}, .changes = done->changes};
    return {.what = jobs::happened::step_done{done->output, done->job_result},
            .changes = done->changes};
  }
  if (const auto* waits = std::get_if<jobs::step_waits>(&outcome)) {
    if (!run.is_undo())
      return {jobs::happened::step_waits{waits->reason, waits->message,
                                         now() + waits->delay.count()}};
    return {jobs::happened::undo_failed{
        {.code = jobs::fault_code::server_locked, .what = waits->message},
        {jobs::error_class::busy, waits->delay}}};
  }
  if (const auto* on = std::get_if<jobs::step_goes_on>(&outcome)) {
    if (!run.is_undo())
      return {.what = jobs::happened::step_went_on{on->output, on->job_result},
              .changes = on->changes};
    return failure(
        job, true,
        {.code = jobs::fault_code::internal, .what = "an undo has no parts"});
  }
  const auto& why = std::get<jobs::fault>(outcome);
  if (why.code == jobs::fault_code::interrupted
      && run.cause() == stop_cause::shutdown)
    return {jobs::happened::interrupted{}};
  return failure(job, run.is_undo(), named_after_cause(run, why));
}

} // namespace alula::actors
