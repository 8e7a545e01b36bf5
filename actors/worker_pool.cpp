#include "actors/worker_pool.hpp"

#include "jobs/log.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace alula::actors {

// -- who is next --------------------------------------------------------------

waiting_line::level& waiting_line::level_of(const want_worker& wish) {
  return levels_[static_cast<std::size_t>(std::clamp(wish.priority, 0, 3))];
}

void waiting_line::add(want_worker wish) {
  if (const auto known = by_job_.find(wish.id); known != by_job_.end()) {
    known->second->number = wish.number;
    known->second->from = std::move(wish.from);
    if (const bool was = std::exchange(known->second->undo, wish.undo);
        wish.undo && !was)
      undos_.push_back(wish.id);
    else if (was && !wish.undo)
      std::erase(undos_, wish.id);
    return;
  }
  auto& [turns, of_server] = level_of(wish);
  auto mine = of_server.find(wish.key);
  if (mine == of_server.end())
    mine =
        of_server.emplace(wish.key, turns.insert(turns.end(), {wish.key, {}}))
            .first;
  mine->second->jobs.push_back(wish.id);
  const auto id = wish.id;
  if (wish.undo)
    undos_.push_back(id);
  by_job_[id] = arrivals_.insert(arrivals_.end(), std::move(wish));
}

void waiting_line::remove(const jobs::job_id& id) {
  const auto place = by_job_.find(id);
  if (place == by_job_.end())
    return;
  const auto wish = place->second;
  auto& [turns, of_server] = level_of(*wish);
  const auto mine = of_server.find(wish->key);
  std::erase(mine->second->jobs, id);
  if (mine->second->jobs.empty()) {
    turns.erase(mine->second);
    of_server.erase(mine);
  }
  if (wish->undo)
    std::erase(undos_, id);
  arrivals_.erase(wish);
  by_job_.erase(place);
}

want_worker waiting_line::take(const jobs::job_id& id) {
  auto wish = *by_job_.at(id);
  remove(wish.id);
  return wish;
}

std::optional<want_worker> waiting_line::next() {
  constexpr unsigned oldest_every = 8;
  if (arrivals_.empty())
    return std::nullopt;
  jobs::job_id chosen = arrivals_.front().id;
  if (++granted_ % oldest_every != 0) {
    const auto urgent = std::ranges::find_if(
        levels_, [](const auto& l) { return !l.turns.empty(); });
    auto& turns = urgent->turns;
    chosen = turns.front().jobs.front();
    // The server goes to the end of the turn.
    turns.splice(turns.end(), turns, turns.begin());
  }
  return take(chosen);
}

std::optional<want_worker> waiting_line::next_undo() {
  if (undos_.empty())
    return std::nullopt;
  return take(undos_.front());
}

// -- on the worker thread -----------------------------------------------------

namespace {

jobs::step_outcome perform_here(const engine_parts& parts,
                                const step_run_ptr& run) {
  const auto cell =
      std::make_shared<progress_cell>(run->job().id, run->job().row);
  run->sign_of_life = parts.alarms.uptime();
  run->begun = run->sign_of_life.load();
  return run->perform(parts.clock, [&parts, run, cell](jobs::progress p) {
    run->sign_of_life = parts.alarms.uptime();
    if (cell->put(std::move(p)))
      parts.hub.moved(cell);
  });
}

/// What the engine itself throws around the step is the outcome of the step.
jobs::step_outcome outcome_of(const engine_parts& parts,
                              const step_run_ptr& run) {
  const auto threw = [&run](std::string_view what) {
    const std::string step{run->step().name};
    jobs::log(jobs::log_level::error, "worker-threw",
              {{"job", run->job().id.view()}, {"step", step}, {"what", what}});
    return jobs::fault{.what = "the worker of step \"" + step
                               + "\" threw: " + std::string{what},
                       .where = step};
  };
  try {
    return perform_here(parts, run);
  } catch (const std::exception& e) {
    return threw(e.what());
  } catch (...) {
    return threw("something that is no std::exception");
  }
}

} // namespace

// -- the actor ----------------------------------------------------------------

void worker_pool::begin(std::shared_ptr<const engine_parts> parts,
                        std::shared_ptr<worker_crew> crew, std::size_t workers,
                        std::shared_ptr<pool_figures> figures,
                        address_ptr self) {
  parts_ = std::move(parts);
  crew_ = std::move(crew);
  figures_ = std::move(figures);
  self_ = std::move(self);
  workers_ = free_ = workers;
  tell_figures();
}

void worker_pool::handle(const want_worker& m) {
  const auto known = ticket_of_.find(m.id);
  if (known == ticket_of_.end()) {
    line_.add(m);
    match();
    if (is_paused() && !m.undo)
      m.from->send(still_no_worker{m.id});
    return;
  }
  auto& given = grants_.at(known->second);
  given.wish = m;
  if (given.run)
    m.from->send(still_running{m.id, m.number, known->second, given.run});
  else
    m.from->send(worker_granted{m.id, m.number, known->second});
}

void worker_pool::handle(const drop_want& m) {
  line_.remove(m.id);
  const auto known = ticket_of_.find(m.id);
  if (known != ticket_of_.end() && !grants_.at(known->second).run)
    release(known->second);
  match();
}

void worker_pool::handle(const perform& m) {
  const auto place = grants_.find(m.ticket);
  if (place == grants_.end() || place->second.run) {
    jobs::log(jobs::log_level::error, "perform-without-worker",
              {{"job", m.run->job().id.view()}});
    m.from->send(step_ended{
        m.run, std::make_shared<const jobs::step_outcome>(jobs::fault{
                   .code = jobs::fault_code::interrupted,
                   .what = "the worker of the step was given away"})});
    return;
  }
  place->second.run = m.run;
  crew_->run([parts = parts_, run = m.run, self = self_, ticket = m.ticket,
              from = m.from] {
    auto outcome = outcome_of(*parts, run);
    // In this order: when the server actor wants a worker for the next step,
    // the pool knows already that this one is free.
    self->send(worker_free{ticket});
    from->send(step_ended{
        run, std::make_shared<const jobs::step_outcome>(std::move(outcome))});
  });
}

void worker_pool::handle(const worker_free& m) {
  const auto place = grants_.find(m.ticket);
  if (place == grants_.end())
    return;
  if (place->second.replaced)
    crew_->remove_thread();
  release(m.ticket);
  match();
}

void worker_pool::handle(const replace_worker& m) {
  const auto place = grants_.find(m.ticket);
  if (place == grants_.end() || std::exchange(place->second.replaced, true))
    return;
  crew_->add_thread();
  ++free_;
  match();
}

void worker_pool::handle(const pool_switched&) {
  match();
  for (const auto& wish : line_.waiting())
    if (!wish.undo)
      wish.from->send(still_no_worker{wish.id});
}

bool worker_pool::is_paused() const {
  return parts_->pauses.is_paused(crew_->name());
}

void worker_pool::match() {
  while (free_ > 0) {
    auto wish = is_paused() ? line_.next_undo() : line_.next();
    if (!wish)
      break;
    --free_;
    const auto ticket = next_ticket_++;
    ticket_of_[wish->id] = ticket;
    wish->from->send(worker_granted{wish->id, wish->number, ticket});
    grants_[ticket].wish = std::move(*wish);
  }
  tell_figures();
}

void worker_pool::release(std::uint64_t ticket) {
  const auto place = grants_.find(ticket);
  if (!place->second.replaced)
    ++free_;
  ticket_of_.erase(place->second.wish.id);
  grants_.erase(place);
}

void worker_pool::tell_figures() {
  figures_->workers = workers_;
  figures_->busy = grants_.size();
  figures_->waiting = line_.size();
}

void worker_pool::broke(const char* what) {
  // What was granted is in grants_, what waits is in line_: go on with it.
  jobs::log(jobs::log_level::error, "worker-pool-threw",
            {{"pool", crew_->name()}, {"what", what}});
}

caf::behavior run_worker_pool(self_of<worker_pool> self,
                              std::shared_ptr<const engine_parts> parts,
                              std::shared_ptr<worker_crew> crew,
                              std::size_t workers,
                              std::shared_ptr<pool_figures> figures,
                              address_ptr address) {
  self->state.begin(std::move(parts), std::move(crew), workers,
                    std::move(figures), std::move(address));
  return {on<want_worker>(self),    on<drop_want>(self),
          on<perform>(self),        on<worker_free>(self),
          on<replace_worker>(self), on<pool_switched>(self)};
}

} // namespace alula::actors
