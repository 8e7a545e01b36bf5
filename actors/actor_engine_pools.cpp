// The part of the engine that pauses and resumes pools, and shows them.
#include "actors/engine_state.hpp"
#include "jobs/log.hpp"

#include <utility>

namespace alula::actors {

jobs::summary::pool
actor_engine::state::show_pool(const std::string& name) const {
  const auto& shown = *figures.at(name);
  const auto pause = pauses.find(name).value_or(jobs::pool_pause{});
  return {name,        shown.workers, shown.busy, shown.waiting,
          pause.since, pause.reason,  pause.by};
}

/// `apply` runs once the change is on disk, before anybody is told.
void actor_engine::state::change_pool(const std::string& name,
                                      jobs::change what,
                                      std::function<void()> apply,
                                      pool_answer done) {
  if (auto why = refusal()) {
    refuse(done, *std::move(why));
    return;
  }
  if (!figures.contains(name)) {
    std::string all;
    for (const auto& [known, shown] : figures)
      all += (all.empty() ? "" : ", ") + known;
    refuse(done, {.code = jobs::fault_code::pool_not_found,
                  .what = "there is no pool \"" + name + "\", only " + all});
    return;
  }
  const std::shared_lock gate{ledger_gate};
  if (refusal())
    return; // the last copy of the answer says that alula stops
  std::vector<jobs::change> changes;
  changes.push_back(std::move(what));
  ledger.amend(std::move(changes), [this, name, done, apply = std::move(apply)](
                                       const jobs::status& written) {
    if (!written) {
      done(written.error());
      return;
    }
    {
      const jobs::log_scope as{done.whose()};
      apply();
    }
    parts->pools.at(name)->send(pool_switched{});
    done(show_pool(name));
  });
}

void actor_engine::pause_pool(
    jobs::pool_pause what,
    std::function<void(jobs::result<jobs::summary::pool>)> done) {
  auto& s = *state_;
  what.since = s.clock.now();
  s.change_pool(
      what.pool, jobs::pause_pool{what},
      [&s, pause = what] {
        if (!s.pauses.is_paused(pause.pool))
          jobs::log(
              jobs::log_level::warning, "pool-paused",
              {{"pool", pause.pool}, {"by", pause.by}, {"why", pause.reason}});
        s.pauses.pause(pause);
      },
      pool_answer{std::move(done)});
}

void actor_engine::resume_pool(
    std::string pool,
    std::function<void(jobs::result<jobs::summary::pool>)> done) {
  auto& s = *state_;
  s.change_pool(
      pool, jobs::resume_pool{pool},
      [&s, pool] {
        if (s.pauses.is_paused(pool))
          jobs::log(jobs::log_level::info, "pool-resumed", {{"pool", pool}});
        s.pauses.resume(pool);
      },
      pool_answer{std::move(done)});
}

/// Somebody may have forgotten it since.
void actor_engine::state::remember_pauses(
    const std::vector<jobs::pool_pause>& standing) {
  for (const auto& one : standing)
    jobs::log(jobs::log_level::warning, "pool-paused",
              {{"pool", one.pool},
               {"by", one.by},
               {"why", one.reason},
               {"since", jobs::to_rfc3339(one.since)}});
  pauses.fill(standing);
}

} // namespace alula::actors
