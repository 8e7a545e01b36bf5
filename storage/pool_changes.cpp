#include "storage/pool_changes.hpp"

#include "storage/ledger_sql.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace alula::storage {

namespace {

/// A reason is whatever an operator has typed.
std::string pool_event_data(const nlohmann::ordered_json& data) {
  return data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace

jobs::status pool_changes::change(const jobs::pause_pool& what) {
  const auto& [pool, since, reason, by] = what.what;
  auto paused = on_.run(ledger_sql("pause_pool"), pool, since, reason, by);
  if (!paused)
    return std::move(paused).error();
  if (*paused > 0)
    told_.push_back(
        {"pool.paused",
         pool_event_data({{"pool", pool}, {"reason", reason}, {"by", by}})});
  return {};
}

jobs::status pool_changes::change(const jobs::resume_pool& what) {
  auto resumed = on_.run(ledger_sql("resume_pool"), what.pool);
  if (!resumed)
    return std::move(resumed).error();
  if (*resumed > 0)
    told_.push_back({"pool.resumed", pool_event_data({{"pool", what.pool}})});
  return {};
}

} // namespace alula::storage
