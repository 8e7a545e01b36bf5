/// The live side of the servers: which state each one's process is in, what its
/// console said last, what it uses. Memory only: what has to survive a restart
/// (whether a server is wanted up) is in the ledger, and what is true now is
/// what `inspect` says.
#pragma once

#include "jobs/container_streams.hpp"
#include "jobs/ids.hpp"
#include "jobs/result.hpp"
#include "jobs/server.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// Wings' words (wings-protocol 5.6, 8.7). `starting` or `running` straight to
/// `offline` is a crash; everything intended goes through `stopping`.
enum class process_state { offline, starting, running, stopping };

std::string_view to_string(process_state s);

struct process_usage {
  resource_sample sample;
  std::int64_t uptime_ms = 0;
  std::int64_t disk_bytes = 0; ///< as last measured
  process_state state = process_state::offline;
  bool unresponsive = false; ///< Docker does not answer for its container
  /// False: alula has not looked at its container yet since it was started, so
  /// that "offline" is a guess.
  bool is_known = true;
  time_ms unresponsive_since = 0;    ///< while it is
  std::string unresponsive_why = {}; ///< a sentence for people
};

/// {"cpu_absolute":…,"disk_bytes":…,"memory_bytes":…,"memory_limit_bytes":…,
/// "network":{"rx_bytes":…,"tx_bytes":…},"state":…,"uptime":…}: the argument of
/// the event `stats` and the member `utilization` (wings-protocol 2.1, 5.6).
std::string to_json(const process_usage& usage);

/// Any thread. A server that was never told of is offline and uses nothing.
/// What is announced to websocket clients is announced in the order of the
/// calls per server.
class processes {
public:
  virtual ~processes() = default;

  virtual process_state state(const server_id& server) const = 0;
  virtual process_usage usage(const server_id& server) const = 0;

  /// The newest lines of its console since alula was started, notices of the
  /// daemon included, oldest first.
  virtual std::vector<std::string> recent_lines(const server_id& server,
                                                std::size_t most) const = 0;

  /// The newest lines of the container's log, oldest first; empty without a
  /// container. Blocks; faults as jobs::containers.
  virtual result<std::vector<std::string>> log(const server_id& server,
                                               std::size_t most) = 0;

  /// Writes a line to the server's console; its line end is added. The
  /// configured stop command makes a running server `stopping` (wings-protocol
  /// 2.10). Faults: docker_refused when nothing is attached, rate_limited.
  virtual status write(const server_id& server, std::string_view line) = 0;

  // -- for steps ------------------------------------------------------------

  /// A change is announced (`status`); `offline` also resets the usage and
  /// announces one `stats`.
  virtual void set_state(const server_id& server, process_state now) = 0;

  /// Listens to the console of the server's container, which runs or is about
  /// to. Lines go to the clients, and are looked through for what says that the
  /// server is up (process_configuration.startup.done). Attached already is
  /// success. Blocks; faults as jobs::containers.
  virtual status attach(const server_record& server) = 0;

  /// What the record says from now on: a sync.
  virtual void configure(const server_record& server) = 0;

  /// Whether it is offline, waiting up to `limit` for that. Returns early when
  /// asked to stop.
  virtual bool await_offline(const server_id& server,
                             std::chrono::milliseconds limit,
                             std::stop_token stop) = 0;

  /// A notice of the daemon's in the server's console (wings-protocol 5.6).
  virtual void say(const server_id& server, std::string_view notice) = 0;

  /// Measured by a step that walked the volume.
  virtual void set_disk_usage(const server_id& server, std::int64_t bytes) = 0;

  /// The server is gone: forget it.
  virtual void forget(const server_id& server) = 0;
};

} // namespace alula::jobs
