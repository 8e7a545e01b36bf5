/// What every handler of the API is handed besides the request.
#pragma once

#include "http/cursor.hpp"
#include "http/errands.hpp"
#include "http/event_stream.hpp"
#include "http/system_services.hpp"
#include "http/transfer_places.hpp"
#include "jobs/access_desk.hpp"
#include "jobs/backup_desk.hpp"
#include "jobs/clock.hpp"
#include "jobs/engine.hpp"
#include "jobs/incoming_transfers.hpp"
#include "jobs/install_files.hpp"
#include "jobs/log.hpp"
#include "jobs/node_facts.hpp"
#include "jobs/outbox.hpp"
#include "jobs/processes.hpp"
#include "jobs/report_repeats.hpp"
#include "jobs/server_container.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace alula::http {

struct api_settings {
  /// How long a route that Wings answers at the end waits for that end before
  /// it says 202 (`api.sync_wait`); 0: answers at once.
  std::chrono::milliseconds sync_wait{10'000};
  /// Seals cursors. Anything secret that outlives a restart: with a fresh one
  /// the cursors that clients hold become invalid.
  std::string cursor_secret;
  /// What becomes of the backups of a deleted server when the request does not
  /// say (`system.backups.with_server`).
  bool delete_backups_with_server = false;
  /// How long what a restore replaced is kept (`system.restore_undo_hours`).
  std::chrono::hours restore_undo{24};
  /// Of the servers without a policy of their own (`system.backups.rotation`).
  jobs::rotation_policy rotation = {};
  /// As containers are made with (`docker.overhead`).
  jobs::overhead_rule overhead = {};
  /// What the Panel signs download links with: the node's token, as it is now.
  /// Called on the I/O thread; null: every link is refused.
  std::function<std::string()> signing_key = {};
  /// The settings of a server that is created are asked of it.
  bool has_panel = false;
  /// Whether a download_url may be asked; null: none is taken.
  std::function<jobs::status(const std::string& url)> check_link = {};
  /// Whether a server may be sent there; null: none is sent anywhere.
  std::function<jobs::status(const std::string& url)> check_node = {};
  std::vector<std::string> stores = {}; ///< names of those of the node's own
  /// A URL of an object in one of them, good for some minutes; empty: no such
  /// store. Null: as if there were none.
  std::function<std::string(const std::string& store, const std::string& key)>
      presign = {};
  /// Downloads, files out of backups and servers that are received at a time,
  /// as each holds descriptors; more, and more than a quarter of them for one
  /// server or system, are answered 429.
  std::size_t most_transfers = 64;
  /// Whether there is a status page at `/` (`api.status_page`).
  bool status_page = true;
  /// `GET /metrics`: Prometheus' text format. May block, is not called twice at
  /// a time; null: there is none.
  std::function<std::string()> metrics = {};
  /// What the log says from now on. Any thread; null: it is what it is.
  struct {
    std::function<jobs::log_level()> now;
    std::function<void(jobs::log_level)> change;
  } log_level = {};
  /// `POST /api/update`: the body to the configuration file and into force.
  /// False: updates of the Panel are not wanted. May block; null: never.
  std::function<jobs::result<bool>(const std::string& body)> update = {};
};

/// The live side of the node's servers, for the door. Without it the node runs
/// none, and routes about consoles are answered 501.
struct live_parts {
  jobs::processes* processes = nullptr;
  jobs::install_files* installs = nullptr;
  /// Threads for what asks Docker or a disk; null: those of `later`.
  errands* askers = nullptr;
};

/// One per daemon. The parts outlive the door.
struct api {
  jobs::engine& engine;
  jobs::backup_desk& backups;
  const jobs::clock& clock;
  event_streams& events;
  errands& later;
  jobs::node_facts& node;
  cursor_seal seal;
  api_settings settings;
  std::shared_ptr<transfer_places> transfers;
  jobs::outbox_desk* outbox = nullptr; ///< null: nothing is ever told
  live_parts live = {};
  jobs::report_repeats* repeats = nullptr; ///< null: no report is ever dead
  jobs::access_desk* access = nullptr;     ///< null: no tokens and no audit
  system_services systems = {};
  /// Null: no other node sends servers here; they are answered 501.
  jobs::incoming_transfers* incoming = nullptr;
};

/// Callbacks that come late hold it too.
using api_ptr = std::shared_ptr<const api>;

} // namespace alula::http
