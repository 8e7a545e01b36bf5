#include "storage/group_commit.hpp"

#include "jobs/log.hpp"

#include <utility>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;

bool is_refusal(const fault& why) {
  switch (why.code) {
  case fault_code::journal_unavailable:
  case fault_code::insufficient_storage:
  case fault_code::timed_out:
  case fault_code::interrupted:
    return false;
  default:
    return true;
  }
}

jobs::result<ledger_news> group_commit::commit(ledger_calls& calls,
                                               const progress_by_job& progress,
                                               std::stop_token stop) {
  for (;;) {
    auto written = write_all(calls, progress);
    if (written)
      return written;
    const auto& why = written.error();
    if (why.code == fault_code::timed_out && !stop.stop_requested()) {
      jobs::log(jobs::log_level::warning, "ledger-busy", {{"why", why.what}});
      continue;
    }
    if (why.code == fault_code::insufficient_storage && ballast_.release()) {
      jobs::log(jobs::log_level::error, "ledger-disk-full",
                {{"why", why.what}, {"then", "gave up the ballast"}});
      continue;
    }
    return written;
  }
}

jobs::result<ledger_news>
group_commit::write_all(ledger_calls& calls, const progress_by_job& progress) {
  ledger_news news;
  auto begun = transaction::begin(on_);
  if (!begun)
    return std::move(begun).error();
  for (auto& call : calls)
    if (auto written = write_one(*call, news); !written)
      return std::move(written).error();
  for (const auto& [row, p] : progress)
    if (auto written = store_.write_progress(row, p);
        !written && !is_refusal(written.error()))
      return std::move(written).error();
  if (auto done = begun->commit(); !done)
    return std::move(done).error();
  return news;
}

/// A refusal is the call's own business; only what ends the transaction comes
/// back as a fault.
jobs::status group_commit::write_one(ledger_call& call, ledger_news& news) {
  savepoint alone{on_};
  ledger_news own;
  if (auto ran = call.run(store_, own); !ran) {
    if (is_refusal(ran.error()) && on_.in_transaction())
      return {};
    return ran;
  }
  // Deferred references are checked by COMMIT, where one would sink them all.
  if (on_.has_broken_reference()) {
    call.refuse({.code = fault_code::internal,
                 .what = "the call refers to a row that is not there",
                 .where = "ledger"});
    return {};
  }
  if (auto kept = alone.keep(); !kept)
    return kept;
  news.append(std::move(own));
  return {};
}

} // namespace alula::storage
