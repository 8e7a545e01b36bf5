/// What every actor of the engine is given. Owned by actor_engine, and alive
/// until the last actor, worker and alarm is gone.
#pragma once

#include "actors/alarm_clock.hpp"
#include "actors/engine_settings.hpp"
#include "actors/event_hub.hpp"
#include "actors/job_board.hpp"
#include "actors/pool_pauses.hpp"
#include "actors/protocol.hpp"
#include "jobs/clock.hpp"
#include "jobs/ledger.hpp"

#include <functional>
#include <map>
#include <string>

namespace alula::actors {

struct engine_parts {
  const engine_settings& settings;
  const jobs::catalog& kinds;
  const jobs::ports& node;
  jobs::ledger& ledger;
  const jobs::clock& clock;
  job_board& board;
  event_hub& hub;
  alarm_clock& alarms;
  pool_pauses& pauses;
  std::function<double()> random;
  std::int64_t boot = 0;
  address_ptr registry;
  std::map<std::string, address_ptr> pools;
  /// Called by the job's actor when an abandoned job has ended.
  std::function<void(const jobs::job_record&)> given_up;
};

} // namespace alula::actors
