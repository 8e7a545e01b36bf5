/// Forgets what is old, a little at a time, so that no call waits long behind
/// it: at most 500 rows per transaction.
#pragma once

#include "jobs/clock.hpp"
#include "storage/job_store.hpp"
#include "storage/ledger_settings.hpp"
#include "storage/sqlite.hpp"

#include <cstddef>
#include <cstdint>

namespace alula::storage {

class pruner {
public:
  pruner(database& on, const jobs::clock& clock,
         const ledger_settings& settings)
    : on_(on), clock_(clock), settings_(settings) {}

  /// One transaction. True when there may be more to do. Adds the jobs that
  /// were removed to the news.
  jobs::result<bool> prune_some(ledger_news& news);

private:
  jobs::result<std::int64_t> prune_jobs(ledger_news& news);
  jobs::result<std::int64_t> prune_keys();
  jobs::result<std::int64_t> prune_events();
  jobs::result<std::int64_t> prune_servers();

  database& on_;
  const jobs::clock& clock_;
  const ledger_settings& settings_;
  std::size_t stage_ = 0; ///< which table is next
};

} // namespace alula::storage
