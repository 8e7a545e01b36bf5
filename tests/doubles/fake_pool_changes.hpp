/// The part of the fake ledger that knows of paused pools.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "jobs/lifecycle.hpp"

#include <nlohmann/json.hpp>

namespace alula::doubles {

template<class Store>
class fake_pool_changes {
public:
  using check = jobs::result<void>;

  check apply(const jobs::job_record&, const jobs::pause_pool& c,
              jobs::time_ms now) {
    const auto& pause = c.what;
    if (s().paused_pools.contains(pause.pool))
      return {};
    s().put(s().paused_pools, pause.pool, pause);
    s().tell({},
             {"pool.paused", nlohmann::ordered_json{{"pool", pause.pool},
                                                    {"reason", pause.reason},
                                                    {"by", pause.by}}
                                 .dump()},
             now);
    return {};
  }
  check apply(const jobs::job_record&, const jobs::resume_pool& c,
              jobs::time_ms now) {
    if (!s().paused_pools.contains(c.pool))
      return {};
    s().drop(s().paused_pools, c.pool);
    s().tell({}, {"pool.resumed", nlohmann::json{{"pool", c.pool}}.dump()},
             now);
    return {};
  }

private:
  Store& s() { return static_cast<Store&>(*this); }
};

} // namespace alula::doubles
