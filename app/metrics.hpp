/// The figures of `/metrics`, in Prometheus' text format (docs/metrics.md).
#pragma once

#include "jobs/backup_desk.hpp"
#include "jobs/clock.hpp"
#include "jobs/engine.hpp"
#include "jobs/node_facts.hpp"
#include "jobs/outbox.hpp"
#include "jobs/system_backup.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace alula::app {

class metrics {
public:
  struct door_figures {
    std::size_t connections = 0, pending = 0, streams = 0, websockets = 0,
                transfers = 0;
  };
  struct sources {
    jobs::engine& engine;
    jobs::backup_desk& backups;
    jobs::outbox_desk& outbox;
    const jobs::clock& clock;
    std::function<door_figures()> door;
    std::function<std::int64_t()> trash_bytes;
    jobs::node_facts& facts;
    std::function<std::size_t()> unresponsive; ///< containers
    /// Null: there are none.
    jobs::system_records* systems = nullptr;
    std::int64_t organization_quota = 0; ///< bytes; 0: no limit
  };

  /// Listens to jobs::observe until it is destroyed; the sources outlive it.
  explicit metrics(sources from);
  ~metrics();

  /// Hears of jobs from now on; when the engine has started.
  void listen();

  /// Waits for a look under way; text() is empty from now on, and the sources
  /// may go.
  void stop();

  /// Looks at everything now. May block for a second or two; any thread.
  std::string text();

private:
  struct core;
  std::shared_ptr<core> core_;
};

} // namespace alula::app
