/// Many calls, one fsync: everything that waits is written in one transaction,
/// each call in a savepoint of its own, and nobody is told before the commit
/// is on disk.
#pragma once

#include "jobs/ledger.hpp"
#include "storage/ballast.hpp"
#include "storage/job_store.hpp"
#include "storage/sqlite.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

namespace alula::storage {

/// One call of the ledger, from the queue to its answer.
class ledger_call {
public:
  virtual ~ledger_call() = default;
  /// Writes; may be run again from the start when the transaction was lost.
  /// The fault also becomes the answer.
  virtual jobs::status run(job_store& store, ledger_news& news) = 0;
  /// The answer is this fault, whatever the last run made.
  virtual void refuse(const jobs::fault& why) = 0;
  /// Calls back. Once.
  virtual void answer() = 0;
};

using ledger_calls = std::vector<std::unique_ptr<ledger_call>>;
using progress_by_job = std::map<std::int64_t, jobs::progress>;

/// The fault of one call leaves the transaction as it was; any other means
/// that the transaction is gone.
bool is_refusal(const jobs::fault& why);

class group_commit {
public:
  group_commit(database& on, job_store& store, ballast& reserve)
    : on_(on), store_(store), ballast_(reserve) {}

  /// Waits for a foreign writer as long as it takes, unless stopped. When the
  /// disk is full the ballast is given up and everything is written again.
  /// A fault means that nothing of it was committed.
  jobs::result<ledger_news> commit(ledger_calls& calls,
                                   const progress_by_job& progress,
                                   std::stop_token stop);

private:
  jobs::result<ledger_news> write_all(ledger_calls& calls,
                                      const progress_by_job& progress);
  jobs::status write_one(ledger_call& call, ledger_news& news);

  database& on_;
  job_store& store_;
  ballast& ballast_;
};

} // namespace alula::storage
