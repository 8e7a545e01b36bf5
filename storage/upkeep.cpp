#include "storage/upkeep.hpp"

#include "jobs/log.hpp"

#include <algorithm>
#include <utility>

namespace alula::storage {

namespace {

// A ledger that is never idle prunes after ten intervals all the same.
constexpr int intervals_without_rest = 10;

// A log this long has a reader that never lets go (user-pains C4, S1).
constexpr std::int64_t worrying_log_bytes = 256 * 1024 * 1024;

} // namespace

upkeep::upkeep(database& on, const jobs::clock& clock, ballast& reserve,
               const ledger_settings& settings)
  : on_(on), ballast_(reserve), settings_(settings),
    pruner_(on, clock, settings),
    truncate_at_(std::chrono::steady_clock::now() + settings.idle_delay),
    prune_at_(std::chrono::steady_clock::now() + settings.prune_interval),
    checkpoint_at_bytes_(settings.checkpoint_bytes) {}

jobs::status upkeep::after_commit(time_point now, ledger_news& news) {
  truncate_at_ = now + settings_.idle_delay;
  if (on_.log_bytes() >= checkpoint_at_bytes_)
    if (auto done = checkpoint(database::checkpoint::passive); !done)
      return done;
  if (now - prune_at_ > settings_.prune_interval * intervals_without_rest)
    return prune(now, news);
  return {};
}

jobs::status upkeep::when_idle(time_point now, ledger_news& news) {
  if (now >= truncate_at_) {
    truncate_at_ = time_point::max();
    if (auto done = checkpoint(database::checkpoint::truncate); !done)
      return done;
    if (on_.log_bytes() > 0) // a reader was in the way
      truncate_at_ = now + settings_.idle_delay;
    return {};
  }
  return now >= prune_at_ ? prune(now, news) : jobs::status{};
}

upkeep::time_point upkeep::next() const {
  return std::min(truncate_at_, prune_at_);
}

jobs::status upkeep::checkpoint(database::checkpoint how) {
  auto whole = on_.run_checkpoint(how);
  const auto log = on_.log_bytes();
  // Readers hold parts of the log: asking again at once would not help.
  checkpoint_at_bytes_ = log + settings_.checkpoint_bytes;
  if (log >= worrying_log_bytes)
    jobs::log(jobs::log_level::warning, "ledger-log-grows", {{"bytes", log}});
  if (whole)
    return {};
  // The log keeps what the full database could not take.
  if (whole.error().code == jobs::fault_code::insufficient_storage) {
    jobs::log(jobs::log_level::error, "ledger-disk-full",
              {{"why", whole.error().what}});
    ballast_.release();
    return {};
  }
  return std::move(whole).error();
}

jobs::status upkeep::prune(time_point now, ledger_news& news) {
  ledger_news pruned;
  auto more = pruner_.prune_some(pruned);
  if (more)
    news.append(std::move(pruned));
  if (more && *more)
    return {};
  prune_at_ = now + settings_.prune_interval;
  take_ballast();
  if (more)
    return {};
  // Pruning can wait: for another process, and for room on the disk.
  const auto code = more.error().code;
  jobs::log(jobs::log_level::warning, "ledger-not-pruned",
            {{"why", more.error().what}});
  return code == jobs::fault_code::journal_unavailable
             ? jobs::status{std::move(more).error()}
             : jobs::status{};
}

void upkeep::take_ballast() {
  if (auto taken = ballast_.restore(); !taken)
    jobs::log(jobs::log_level::warning, "ledger-ballast-missing",
              {{"why", taken.error().what}});
}

} // namespace alula::storage
