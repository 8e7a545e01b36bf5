#include "actors/status_reporter.hpp"

#include "jobs/container_status.hpp"
#include "jobs/log.hpp"

#include <utility>

namespace alula::actors {

status_reporter::status_reporter(status_settings settings,
                                 jobs::queries& queries, jobs::ledger& ledger,
                                 const jobs::processes& processes,
                                 const jobs::clock& clock,
                                 alarm_clock::reading uptime)
  : settings_(settings), queries_(queries), ledger_(ledger),
    processes_(processes), clock_(clock), alarms_(std::move(uptime)) {}

status_reporter::~status_reporter() {
  stop();
}

void status_reporter::start() {
  if (!settings_.enabled)
    return;
  const auto known = queries_.list_statuses();
  const auto now = clock_.now();
  {
    const std::scoped_lock lock{mutex_};
    has_begun_ = true;
    const auto newer = std::exchange(changed_before_, {});
    if (!known) {
      jobs::log(jobs::log_level::warning, "container-status-unread",
                {{"why", known.error().what}});
      return;
    }
    compared_until_ = now + jobs::container_status_lasts;
    for (const auto& report : *known) {
      const bool holds =
          report.state == jobs::report_state::waiting
          || (report.state == jobs::report_state::delivered
              && now - report.ended_at < jobs::container_status_lasts);
      if (const auto told = jobs::container_status_of(report);
          told && holds && !newer.contains(told->server))
        told_before_[told->server] = told->now;
    }
  }
  compare();
}

void status_reporter::stop() {
  alarms_.stop();
}

void status_reporter::changed(const jobs::server_id& server,
                              jobs::process_state before,
                              jobs::process_state now) {
  if (!settings_.enabled)
    return;
  const std::scoped_lock lock{mutex_};
  if (!has_begun_)
    changed_before_.insert(server);
  if (const auto told = told_before_.extract(server)) {
    // The first that is known of it since the start: what it was counted as
    // until now was a guess.
    before = told.mapped();
    if (before == now)
      return;
  }
  tell({jobs::report_of({server, before, now})});
}

/// What nobody says has changed: a server that was told as running, and is
/// found off, was off when this process began.
void status_reporter::compare() {
  std::vector<jobs::server_id> unknown;
  {
    const std::scoped_lock lock{mutex_};
    if (clock_.now() >= compared_until_)
      told_before_.clear(); // the Panel has forgotten them by now
    for (const auto& [server, state] : told_before_)
      unknown.push_back(server);
  }
  // Without the lock: whoever changes a state holds one of its own.
  std::map<jobs::server_id, jobs::process_state> found;
  for (const auto& server : unknown)
    if (const auto usage = processes_.usage(server); usage.is_known)
      found[server] = usage.state;
  const std::scoped_lock lock{mutex_};
  std::vector<jobs::change> differ;
  for (const auto& [server, now] : found) {
    const auto told = told_before_.extract(server);
    if (told && told.mapped() != now) // else it has changed meanwhile
      differ.emplace_back(jobs::report_of({server, told.mapped(), now}));
  }
  if (!differ.empty())
    tell(std::move(differ));
  if (!told_before_.empty())
    alarms_.arm(settings_.look_every, [this] { compare(); });
}

/// With the lock held.
void status_reporter::tell(std::vector<jobs::change> what) {
  ledger_.amend(std::move(what), [](const jobs::status& kept) {
    if (!kept)
      jobs::log(jobs::log_level::warning, "container-status-lost",
                {{"why", kept.error().what}});
  });
}

} // namespace alula::actors
