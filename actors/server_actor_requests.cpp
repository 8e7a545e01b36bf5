// The part of the server actor that takes what the registry passes on: requests
// for jobs and about jobs, and the ledger's answer to an accept.
#include "actors/pending_accept.hpp"
#include "actors/server_actor.hpp"
#include "actors/stopping.hpp"

#include <utility>

namespace alula::actors {

void server_actor::handle(const start_job& m) {
  ++seen_;
  if (draining_) {
    m.done(stopping());
  } else if (const auto* owner =
                 m.what->key ? nullptr : preempting(*m.what, m.subject)) {
    // With a key the ledger decides: the request may be one it knows.
    m.done(jobs::fault{.code = jobs::fault_code::server_locked,
                       .what = owner->record.kind + " "
                               + owner->record.id.to_string()
                               + " is under way and nothing else may be "
                                 "asked of the server",
                       .in_the_way = owner->record.id.to_string()});
  } else {
    const auto pending = std::make_shared<pending_accept>(
        place_.accepting, parts().registry, parts().board, place_.key, m.done);
    parts().ledger.accept(
        *m.what, [here = place_.here, pending](jobs::result<jobs::accepted> r) {
          pending->answered(std::move(r));
          here->send(job_accepted{pending});
        });
  }
  check_idle();
}

void server_actor::handle(const job_accepted& m) {
  const auto& done = m.what->done();
  if (!m.what->what()) {
    m.what->taken();
    done(m.what->what().error());
    check_idle();
    return;
  }
  const auto& [record, outcome] = m.what->what().value();
  const auto answer = jobs::ticket{view_of(record), outcome};
  auto* known = jobs_.find(record.id);
  if (answer.job->record().is_done()) {
    done(answer);
  } else if (record.server_row != place_.server_row) {
    // An idempotency key from another incarnation of the server.
    parts().registry->send(adopt_jobs{
        key_of(record.server_row),
        std::make_shared<const std::vector<jobs::job_record>>(1, record)});
    done(answer);
  } else if (!known) {
    auto& job =
        jobs_.add(answer.job->record(), parts().kinds.find(record.kind));
    done(answer);
    if (job.kind && job.kind->preempts)
      send_others_away(record.id);
    supersede_others(record.id);
    look_at_all();
  } else if (known->record.state == jobs::job_state::parked
             && outcome != jobs::accept_outcome::created) {
    happen(*known, {.what = jobs::happened::retry_requested{parts().boot},
                    .ticket = done,
                    .joined = true,
                    .outcome = outcome});
  } else {
    done(answer);
  }
  m.what->taken();
  check_idle();
}

namespace {

/// It waits in a step for a time that a boot does not bring nearer.
bool keeps_time(const live_job& job) {
  for (std::size_t i = 0; i < job.record.steps.size(); ++i)
    if (job.record.steps[i].state == jobs::step_state::started) {
      const auto* step = find_step(job, i);
      return step && step->keeps_time;
    }
  return false;
}

} // namespace

void server_actor::handle(const adopt_jobs& m) {
  ++seen_;
  for (const auto& record : *m.jobs)
    if (!record.is_done() && !jobs_.find(record.id)) {
      auto& job = jobs_.add(record, parts().kinds.find(record.kind));
      if (!keeps_time(job))
        nudge(job);
    }
  // A crash may have come between the accept and the cancels.
  for (const auto& record : *m.jobs)
    supersede_others(record.id);
  look_at_all();
  check_idle();
}

namespace {

jobs::fault not_live(const engine_parts& parts, const jobs::job_id& id) {
  if (const auto view = parts.board.peek(id))
    return {.code = jobs::fault_code::already_finished,
            .what = "the job has already "
                    + std::string{to_string(view->record().state)}};
  return {.code = jobs::fault_code::job_not_found,
          .what = "there is no job " + id.to_string()};
}

} // namespace

void server_actor::handle(const cancel_job& m) {
  ++seen_;
  if (auto* job = jobs_.find(m.id))
    happen(*job, {.what = jobs::happened::cancel_requested{parts().boot},
                  .view = m.done});
  else
    m.done(not_live(parts(), m.id));
  check_idle();
}

void server_actor::handle(const retry_job& m) {
  ++seen_;
  if (auto* job = jobs_.find(m.id))
    happen(*job, {.what = jobs::happened::retry_requested{parts().boot},
                  .ticket = m.done,
                  .joined = m.outcome == jobs::accept_outcome::replayed,
                  .outcome = m.outcome,
                  .key = m.request});
  else
    m.done(not_live(parts(), m.id));
  check_idle();
}

void server_actor::handle(const abandon_job& m) {
  ++seen_;
  if (auto* job = jobs_.find(m.id))
    happen(*job, {.what = jobs::happened::abandoned{m.why}, .view = m.done});
  else
    m.done(not_live(parts(), m.id));
  check_idle();
}

void server_actor::handle(const drain&) {
  draining_ = true;
  for (auto* job : jobs_.all())
    if (job->run)
      job->run->ask_to_stop(stop_cause::shutdown);
  look_at_all();
  check_idle();
}

} // namespace alula::actors
