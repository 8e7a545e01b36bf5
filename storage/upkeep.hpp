/// What the ledger does for itself between calls: it copies the log back into
/// the database, prunes, and takes its ballast again. On the ledger's thread.
#pragma once

#include "jobs/clock.hpp"
#include "storage/ballast.hpp"
#include "storage/ledger_settings.hpp"
#include "storage/pruner.hpp"
#include "storage/sqlite.hpp"

#include <chrono>

namespace alula::storage {

class upkeep {
public:
  using time_point = std::chrono::steady_clock::time_point;

  upkeep(database& on, const jobs::clock& clock, ballast& reserve,
         const ledger_settings& settings);

  // A fault of either means that the database cannot be trusted any more.

  /// After a commit: a checkpoint when the log has grown, and a little pruning
  /// when there was no rest for it in a long time.
  jobs::status after_commit(time_point now, ledger_news& news);
  /// Nobody waits: one piece of work, if there is any.
  jobs::status when_idle(time_point now, ledger_news& news);

  /// When when_idle() wants to be called.
  time_point next() const;

private:
  jobs::status checkpoint(database::checkpoint how);
  jobs::status prune(time_point now, ledger_news& news);
  void take_ballast();

  database& on_;
  ballast& ballast_;
  const ledger_settings& settings_;
  pruner pruner_;
  time_point truncate_at_; ///< the end of time when the log is short
  time_point prune_at_;
  std::int64_t checkpoint_at_bytes_;
};

} // namespace alula::storage
