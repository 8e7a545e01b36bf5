/// Everything a job may touch outside the ledger, as small interfaces. The
/// adapters live in storage/, remote/ and http/; tests/doubles/ has a fake of
/// each, and tests/contracts/ one suite per port that runs on both.
///
/// Unless a method says otherwise it may block up to its deadline, is called
/// from worker threads, several at once, and may be called twice.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

class downloads;

struct container_info {
  std::string id;
  std::string name;
  std::string status; ///< Docker's word: created, running, exited, removing …
  bool running = false;
  time_ms started_at = 0;
};

/// The container engine of the node (docs: Docker Engine API v1.41).
/// Faults: docker_unavailable (no connection, no answer in time),
/// docker_refused (a final no), container_busy (removal in progress, mount
/// busy: ask again later).
class containers {
public:
  virtual ~containers() = default;

  /// Nothing when no such container exists. `name_or_id` is either.
  virtual result<std::optional<container_info>>
  inspect(std::string_view name_or_id) = 0;

  /// Removes the container with its anonymous volumes and returns when it is
  /// gone, killing it first when it runs. Plain removal before forced removal:
  /// force leaks mounts (user-pains C5, D2). Missing is success. Gives up early
  /// with `interrupted` when stopped.
  virtual status destroy(std::string_view name_or_id, std::stop_token stop) = 0;

  /// Ids of all containers, running or not, with this label ("key=value").
  virtual result<std::vector<std::string>>
  find_by_label(std::string_view label) = 0;

  /// All containers of the node in one call.
  virtual result<std::vector<container_info>> list() = 0;
};

/// The data directories of the servers, the trash beside them, and nothing
/// else of the file system. Every path is reached through directory
/// descriptors, never across a symlink or a mount.
/// Faults: io_error, insufficient_storage, interrupted, conflict-like codes as
/// noted.
class volumes {
public:
  virtual ~volumes() = default;

  /// Makes the data directory durable, owned by the server user. True when it
  /// did not exist before.
  virtual result<bool> create(const server_id& server) = 0;

  /// Removes the data directory if it is empty; otherwise leaves it.
  virtual status remove_if_empty(const server_id& server) = 0;

  virtual result<bool> exists(const server_id& server) = 0;

  /// Renames the volume to `entry` in the trash and makes both directories
  /// durable. False when there was no volume to move (and none in the trash);
  /// true when it lies in the trash now, whoever moved it.
  virtual result<bool> detach(const server_id& server,
                              std::string_view entry) = 0;

  /// The reverse: trash entry → volume. Fault server_exists when a volume is
  /// in the way. Missing in the trash while the volume exists is success.
  virtual status reattach(std::string_view entry, const server_id& server) = 0;

  struct purge_progress {
    std::int64_t entries = 0;       ///< removed so far
    std::int64_t bytes = 0;         ///< disk blocks freed so far
    std::int64_t entries_total = 0; ///< 0 while unknown
    std::int64_t failed = 0;        ///< entries that could not be removed
  };
  /// Removes a trash entry recursively; the tree is its own cursor, so a purge
  /// goes on where it was. Never crosses into another file system, never
  /// follows a link. `tell` is called at least every 4,096 entries. Returns
  /// with the first error after removing all it could; missing is success.
  virtual result<purge_progress>
  purge(std::string_view entry, std::stop_token stop,
        const std::function<void(const purge_progress&)>& tell) = 0;

  /// Names in the trash directory, owned by a job or not.
  virtual result<std::vector<std::string>> trash_entries() = 0;
};

/// The websocket clients of a server.
class audience {
public:
  virtual ~audience() = default;

  /// Sends {"event":event,"args":args} to every authenticated socket of the
  /// server. Does not block; order is kept per socket.
  virtual void announce(const server_id& server, std::string_view event,
                        const std::vector<std::string>& args) = 0;

  /// Sends what is queued, then a close frame with `code` and `reason`, and
  /// ends the TCP connection after `grace`, whatever the client does. Returns
  /// when every socket of the server is gone or closing; refuses new ones for
  /// a server that is being deleted.
  virtual void dismiss(const server_id& server, std::uint16_t code,
                       std::string_view reason,
                       std::chrono::milliseconds grace) = 0;

  /// Open sockets of a server, for the API.
  virtual std::size_t count(const server_id& server) const = 0;
};

/// What every step is handed. Owned by app/node; outlives the engine.
struct ports {
  jobs::containers& containers;
  jobs::volumes& volumes;
  jobs::audience& audience;
  jobs::downloads& downloads;
  /// How long a deleted server can be brought back; 0: purge at once.
  std::chrono::milliseconds undelete_window{0};
  /// Between the close frame and the end of the TCP connection.
  std::chrono::milliseconds socket_grace{2'000};
};

} // namespace alula::jobs
