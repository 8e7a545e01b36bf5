/// What the Panel says of this node's servers, at every start: taken from all
/// pages of its list and kept in the ledger, so that the next start needs no
/// Panel.
///
/// A server that was suspended meanwhile is stopped, by a server.sync.
///
/// A server it has and the node has not is registered with what lies on the
/// disk already; one that it does not know is marked as quarantined, and
/// nothing else happens to it. A Panel that is away is asked again, later and
/// later; the node serves meanwhile with what it knows.
///
/// Once the list is settled, and no job lives that the Panel would forget over
/// it, the Panel is told to clear what it believes is going on
/// (`POST /servers/reset`).
#pragma once

#include "actors/alarm_clock.hpp"
#include "actors/lasting_subscription.hpp"
#include "actors/task_threads.hpp"
#include "jobs/clock.hpp"
#include "jobs/engine.hpp"
#include "jobs/panel.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

namespace alula::actors {

struct sync_settings {
  /// Full jitter, doubled from the first up to the longest.
  std::chrono::milliseconds first_wait{2'000};
  std::chrono::milliseconds longest_wait{300'000};
  std::size_t at_once = 64;            ///< registrations under way
  std::function<double()> random = {}; ///< in [0, 1); empty: one of ours
};

/// The engine, the ledger, the Panel and the clock outlive it.
class panel_sync {
public:
  panel_sync(sync_settings settings, jobs::engine& engine, jobs::ledger& ledger,
             jobs::panel& panel, const jobs::clock& clock,
             alarm_clock::reading uptime = {});
  ~panel_sync();
  panel_sync(const panel_sync&) = delete;
  panel_sync& operator=(const panel_sync&) = delete;

  /// Once, when the engine is ready. Nothing happens on a node without Panel.
  void start();

  /// Before the engine stops.
  void stop();

  /// The clock was moved. For tests.
  void look() { alarms_.look(); }

private:
  using listing = std::map<jobs::server_id, std::string>; ///< configurations

  struct tally {
    std::size_t servers = 0, changed = 0, registered = 0, unknown = 0;
  };

  void later(std::function<void()> what);
  void again(std::function<void()> what);
  void reconcile();
  jobs::result<listing> list_all();
  jobs::status keep_known(const std::vector<jobs::server_ptr>& here,
                          const listing& there, tally& done);
  void sync_one(const jobs::server_id& server);
  jobs::status mark_unknown(const std::vector<jobs::server_ptr>& missing,
                            tally& done);
  void add_new(const std::vector<jobs::server_ptr>& here, const listing& there,
               tally& done);
  jobs::status amend(std::vector<jobs::change> what);
  void reset();
  bool is_busy_for_the_panel() const;

  const sync_settings settings_;
  jobs::engine& engine_;
  jobs::ledger& ledger_;
  jobs::panel& panel_;
  std::stop_source stop_;
  int failures_ = 0; ///< of the thread
  std::mutex mutex_; ///< over waiting_for_ends_
  bool waiting_for_ends_ = false;
  alarm_clock alarms_;
  lasting_subscription ends_;
  task_threads thread_; ///< last: it uses all of the above
};

} // namespace alula::actors
