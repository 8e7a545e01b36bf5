#include "storage/pruner.hpp"

#include "storage/access_sql.hpp"
#include "storage/backup_sql.hpp"
#include "storage/ledger_sql.hpp"
#include "storage/outbox_sql.hpp"

#include <utility>
#include <vector>

namespace alula::storage {

namespace {

constexpr std::int64_t rows_at_once = 500;
constexpr std::size_t stages = 8;

} // namespace

jobs::result<bool> pruner::prune_some(ledger_news& news) {
  auto begun = transaction::begin(on_);
  if (!begun)
    return std::move(begun).error();
  jobs::result<std::int64_t> pruned = 0;
  switch (stage_) {
  case 0:
    pruned = prune_jobs(news);
    break;
  case 1:
    pruned = prune_keys();
    break;
  case 2:
    pruned = prune_events();
    break;
  case 3:
    pruned = on_.run(backup_sql("prune_tokens"), clock_.now(), rows_at_once);
    break;
  case 4:
    pruned = on_.run(outbox_sql("prune_reports"),
                     clock_.now() - settings_.delivered_kept.count(),
                     clock_.now() - settings_.dead_kept.count(), rows_at_once);
    break;
  case 5:
    pruned = on_.run(access_sql("prune_audit"),
                     clock_.now() - settings_.audit_kept.count(), rows_at_once);
    break;
  case 6:
    pruned =
        on_.run(access_sql("prune_principals"),
                clock_.now() - settings_.tokens_kept.count(), rows_at_once);
    break;
  default:
    pruned = prune_servers();
    break;
  }
  if (!pruned)
    return std::move(pruned).error();
  if (auto done = begun->commit(); !done)
    return std::move(done).error();
  if (*pruned == 0)
    stage_ = (stage_ + 1) % stages;
  return *pruned > 0 || stage_ != 0;
}

jobs::result<std::int64_t> pruner::prune_jobs(ledger_news& news) {
  std::vector<std::pair<std::int64_t, std::string>> expired;
  auto found = on_.ask(ledger_sql("expired_jobs"), clock_.now(), rows_at_once);
  while (found.next())
    expired.emplace_back(found.integer(0), found.text(1));
  if (auto ended = found.outcome(); !ended)
    return std::move(ended).error();
  for (const auto& [row, id] : expired) {
    if (auto gone = on_.run(ledger_sql("delete_job"), row); !gone)
      return std::move(gone).error();
    news.forgotten.push_back(jobs::job_id::parse(id).value());
  }
  return static_cast<std::int64_t>(expired.size());
}

jobs::result<std::int64_t> pruner::prune_keys() {
  return on_.run(ledger_sql("prune_keys"), clock_.now(), rows_at_once);
}

jobs::result<std::int64_t> pruner::prune_events() {
  auto first = on_.integer(ledger_sql("first_event_seq"));
  if (!first)
    return first;
  auto last = on_.integer(ledger_sql("last_event_seq"));
  if (!last)
    return last;
  return on_.run(ledger_sql("prune_events"), *first, rows_at_once,
                 clock_.now() - settings_.events_kept.count(),
                 *last - settings_.max_events);
}

jobs::result<std::int64_t> pruner::prune_servers() {
  return on_.run(ledger_sql("prune_servers"),
                 clock_.now() - settings_.events_kept.count(), rows_at_once);
}

} // namespace alula::storage
