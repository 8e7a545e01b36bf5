#include "actors/panel_sync.hpp"

#include "actors/lasting_subscription.hpp"
#include "jobs/catalog.hpp"
#include "jobs/log.hpp"
#include "jobs/reconcile.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <random>
#include <set>
#include <string>
#include <utility>

namespace alula::actors {

namespace {

using std::chrono::milliseconds;

/// A Panel that says that there are more pages than this is none.
constexpr std::int64_t most_pages = 100'000;
constexpr std::size_t changes_at_once = 200;

} // namespace

panel_sync::panel_sync(sync_settings settings, jobs::engine& engine,
                       jobs::ledger& ledger, jobs::panel& panel,
                       const jobs::clock& clock, alarm_clock::reading uptime)
  : settings_(std::move(settings)), engine_(engine), ledger_(ledger),
    panel_(panel), alarms_(std::move(uptime), [&clock] { return clock.now(); }),
    thread_("alula-sync", 1, 0) {}

panel_sync::~panel_sync() {
  stop();
}

void panel_sync::start() {
  if (!panel_.is_configured())
    return;
  ends_.begin(engine_, [this](const jobs::event_batch& batch) {
    const auto is_end = [](const auto& e) {
      return e->type == "job.succeeded" || e->type == "job.failed"
             || e->type == "job.cancelled";
    };
    if (!batch.lost && std::ranges::none_of(batch.events, is_end))
      return;
    const std::scoped_lock lock{mutex_};
    if (std::exchange(waiting_for_ends_, false))
      later([this] { reset(); });
  });
  later([this] { reconcile(); });
}

void panel_sync::stop() {
  stop_.request_stop();
  ends_.end();
  alarms_.stop();
  thread_.stop();
}

void panel_sync::later(std::function<void()> what) {
  thread_.run([this, what = std::move(what)] {
    if (!stop_.stop_requested())
      what();
  });
}

/// After a while that grows with every failure in a row.
void panel_sync::again(std::function<void()> what) {
  const auto random = [this] {
    if (settings_.random)
      return settings_.random();
    thread_local std::minstd_rand engine{std::random_device{}()};
    return std::uniform_real_distribution<double>{0.0, 1.0}(engine);
  };
  const auto most =
      std::min(settings_.longest_wait,
               settings_.first_wait * (1 << std::min(failures_++, 20)));
  const milliseconds wait{static_cast<milliseconds::rep>(
      random() * static_cast<double>(most.count()))};
  alarms_.arm(std::max(wait, milliseconds{50}),
              [this, what = std::move(what)] { later(what); });
}

// -- the list -----------------------------------------------------------------

jobs::result<panel_sync::listing> panel_sync::list_all() {
  listing all;
  for (std::int64_t number = 1, last = 1; number <= last; ++number) {
    auto page = panel_.list_servers(number, stop_.get_token());
    if (!page)
      return std::move(page).error();
    last = std::min(page->last_page, most_pages);
    for (auto& server : page->servers)
      all.insert_or_assign(server.uuid, std::move(server.config));
    for (const auto& odd : page->unreadable)
      jobs::log(jobs::log_level::warning, "panel-server-unreadable",
                {{"server", odd}});
  }
  return all;
}

void panel_sync::reconcile() {
  // First what is here: a server that is made meanwhile is on a later list.
  const auto here = engine_.list_servers();
  tally done;
  const auto outcome = [&]() -> jobs::status {
    auto there = list_all();
    if (!there)
      return std::move(there).error();
    const auto missing_in = [&](const listing& known) {
      std::vector<jobs::server_ptr> missing;
      for (const auto& server : here)
        if (!known.contains(server->uuid)
            && server->state != jobs::server_state::deleting)
          missing.push_back(server);
      return missing;
    };
    // One that is missing may have moved between two pages: look again.
    if (!missing_in(*there).empty()) {
      auto second = list_all();
      if (!second)
        return std::move(second).error();
      there->merge(*second);
    }
    done.servers = there->size();
    if (auto kept = keep_known(here, *there, done); !kept)
      return kept;
    if (auto marked = mark_unknown(missing_in(*there), done); !marked)
      return marked;
    add_new(here, *there, done);
    return {};
  }();
  if (stop_.stop_requested())
    return;
  if (!outcome) {
    jobs::log(jobs::log_level::warning, "panel-sync-failed",
              {{"why", outcome.error().what},
               {"effect", "the node goes by what it knows, and asks again"}});
    again([this] { reconcile(); });
    return;
  }
  failures_ = 0;
  jobs::log(jobs::log_level::info, "panel-synced",
            {{"servers", done.servers},
             {"changed", done.changed},
             {"registered", done.registered},
             {"unknown_to_panel", done.unknown}});
  reset();
}

jobs::status panel_sync::keep_known(const std::vector<jobs::server_ptr>& here,
                                    const listing& there, tally& done) {
  std::vector<jobs::change> changes;
  std::vector<jobs::server_id> suspended;
  // One that was suspended while the node was off is stopped by the job that
  // does so when the Panel says it (wings-protocol 2.9); if this process ends
  // before, the next one finds it running and suspended.
  const auto keep = [&]() -> jobs::status {
    if (auto kept = amend(std::exchange(changes, {})); !kept)
      return kept;
    for (const auto& server : std::exchange(suspended, {}))
      sync_one(server);
    return {};
  };
  for (const auto& server : here) {
    const auto said = there.find(server->uuid);
    if (said == there.end())
      continue;
    if (auto change = jobs::difference(*server, {said->first, said->second})) {
      const auto& now = std::get<jobs::set_server_config>(*change);
      if (now.suspended && !server->suspended)
        suspended.push_back(server->uuid);
      changes.push_back(*std::move(change));
      ++done.changed;
    }
    if (changes.size() == changes_at_once)
      if (auto kept = keep(); !kept)
        return kept;
  }
  return keep();
}

void panel_sync::sync_one(const jobs::server_id& server) {
  engine_.submit({.kind = jobs::server_sync.name,
                  .server = server,
                  .body = R"({"cause":"suspended"})"},
                 [server](const jobs::result<jobs::ticket>& ticket) {
                   if (!ticket)
                     jobs::log(jobs::log_level::warning, "chore-refused",
                               {{"kind", jobs::server_sync.name},
                                {"server", server.view()},
                                {"why", ticket.error().what}});
                 });
}

jobs::status
panel_sync::mark_unknown(const std::vector<jobs::server_ptr>& missing,
                         tally& done) {
  std::vector<jobs::change> changes;
  for (const auto& server : missing) {
    ++done.unknown;
    if (server->quarantined_at != 0)
      continue;
    jobs::log(jobs::log_level::warning, "server-unknown-to-panel",
              {{"server", server->uuid.view()},
               {"effect", "it is kept and listed as quarantined"}});
    changes.emplace_back(jobs::quarantine_server{server->uuid});
  }
  return amend(std::move(changes));
}

jobs::status panel_sync::amend(std::vector<jobs::change> what) {
  if (what.empty())
    return {};
  const auto kept = std::make_shared<std::promise<jobs::status>>();
  auto answer = kept->get_future();
  ledger_.amend(std::move(what),
                [kept](const jobs::status& s) { kept->set_value(s); });
  // A ledger that dies answers nobody; a stop must not wait for it.
  while (answer.wait_for(milliseconds{100}) != std::future_status::ready)
    if (stop_.stop_requested())
      return jobs::fault{.code = jobs::fault_code::interrupted,
                         .what = "asked to stop"};
  return answer.get();
}

/// As `POST /api/servers` does, but without an installation: whatever lies on
/// the disk is adopted.
void panel_sync::add_new(const std::vector<jobs::server_ptr>& here,
                         const listing& there, tally& done) {
  std::set<jobs::server_id> known;
  for (const auto& server : here)
    known.insert(server->uuid);
  std::vector<std::future<void>> under_way;
  // All that were asked for are on record; false when the node stops.
  const auto settled = [&] {
    for (const auto& one : std::exchange(under_way, {}))
      while (one.wait_for(milliseconds{100}) != std::future_status::ready)
        if (stop_.stop_requested())
          return false;
    return true;
  };
  for (const auto& [uuid, config] : there) {
    // It may have been registered by the Panel itself meanwhile.
    if (known.contains(uuid) || engine_.find_server(uuid))
      continue;
    if (stop_.stop_requested())
      return;
    ++done.registered;
    const auto taken = std::make_shared<std::promise<void>>();
    under_way.push_back(taken->get_future());
    engine_.submit(
        {.kind = jobs::create_server.name,
         .server = uuid,
         .body = jobs::registration({uuid, config})},
        [uuid = uuid, taken](const auto& ticket) {
          // The Panel itself may have been faster.
          if (!ticket && ticket.error().code != jobs::fault_code::server_exists)
            jobs::log(jobs::log_level::warning, "server-not-registered",
                      {{"server", uuid.view()}, {"why", ticket.error().what}});
          taken->set_value();
        });
    if (under_way.size() >= settings_.at_once && !settled())
      return;
  }
  settled();
}

// -- what the Panel believes is going on --------------------------------------

/// To the Panel a server is installing from its request to make it on, so also
/// while it is made, and until its installation has its job.
bool panel_sync::is_busy_for_the_panel() const {
  constexpr std::array<std::string_view, 4> kinds{
      "backup.restore", "server.create", "server.install", "server.reinstall"};
  const auto now = engine_.summarize();
  const bool works = std::ranges::any_of(kinds, [&](std::string_view kind) {
    const auto live = now.jobs_by_kind.find(std::string{kind});
    return live != now.jobs_by_kind.end() && live->second > 0;
  });
  return works
         || std::ranges::any_of(engine_.list_servers(), [](const auto& server) {
              return server->state == jobs::server_state::active
                     && server->install == jobs::install_state::wanted;
            });
}

/// Not while a restore or an installation lives, or is to come: the Panel would
/// take the server for one that can be used (wings-protocol 3.9, trap 112).
void panel_sync::reset() {
  {
    const std::scoped_lock lock{mutex_};
    waiting_for_ends_ = is_busy_for_the_panel();
    if (waiting_for_ends_)
      return;
  }
  const auto done = panel_.reset_servers(stop_.get_token());
  if (stop_.stop_requested())
    return;
  if (done) {
    failures_ = 0;
    jobs::log(jobs::log_level::info, "panel-states-reset", {});
    return;
  }
  jobs::log(jobs::log_level::warning, "panel-reset-failed",
            {{"why", done.error().what}});
  again([this] { reset(); });
}

} // namespace alula::actors
