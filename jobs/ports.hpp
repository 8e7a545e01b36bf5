/// Everything a job may touch outside the ledger, as small interfaces. The
/// adapters live in storage/, remote/ and http/; tests/doubles/ has a fake of
/// each, and tests/contracts/ one suite per port that runs on both.
///
/// Unless a method says otherwise it may block up to its deadline, is called
/// from worker threads, several at once, and may be called twice.
#pragma once

#include "jobs/archives.hpp"
#include "jobs/ids.hpp"
#include "jobs/panel.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

class downloads;
class incoming_transfers;
class queries;
struct far_places;
struct server_life;
struct system_parts;

struct container_info {
  std::string id;
  std::string name;
  std::string status; ///< Docker's word: created, running, exited, removing …
  bool running = false;
  time_ms started_at = 0;
  std::string image;    ///< as it was asked for when it was created
  std::string image_id; ///< what that was: "sha256:…"
  std::map<std::string, std::string> labels;
  // What `list` does not know:
  time_ms finished_at = 0;
  int exit_code = 0;       ///< of the last run; 0 while there was none
  bool oom_killed = false; ///< the kernel ended the last run for its memory
  std::string error;       ///< why the last start failed, in Docker's words
};

/// No answer came to the last call about a container, nor to those before it.
struct container_silence {
  std::chrono::milliseconds lasted{0};
  std::string why;
};

/// Docker was asked to tell when a container does not run. When it is gone,
/// nobody is called any more.
class end_notice {
public:
  virtual ~end_notice() = default;
  /// It was told, or never will be.
  virtual bool is_over() const = 0;
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

  /// Returns when the container does not run: sends `signal` ("SIGINT"; empty:
  /// the image's stop signal), waits up to `grace`, then kills. Missing or not
  /// running is success. Gives up early with `interrupted` when stopped.
  virtual status stop(std::string_view name_or_id, std::string_view signal,
                      std::chrono::milliseconds grace,
                      std::stop_token stop) = 0;

  /// Sends a signal by its name ("SIGINT", also "INT") and does not wait for
  /// what it does. Missing or not running is success. Fault docker_refused for
  /// a name that is none. Does not wait behind other calls about the container:
  /// it is there to break what they wait for.
  virtual status kill(std::string_view name_or_id, std::string_view signal) = 0;

  /// Calls `told` once when the container does not run, or is not there, as
  /// soon as Docker says so by itself: a hint, for `inspect` to confirm.
  /// Nothing is told when the connection breaks or dockerd is silent, nor after
  /// `limit`. Does not block, and holds no thread of the caller's nor another
  /// call about the container. `told` may be called before this returns, or on
  /// a thread of the port; it must not block, nor let go of the notice. The
  /// port outlives the notice.
  virtual std::unique_ptr<end_notice>
  notice_end(std::string_view name_or_id, std::chrono::milliseconds limit,
             std::function<void()> told) = 0;

  /// Starts a container that exists; running already is success. Fault
  /// docker_refused when there is none, or it cannot run as it was made.
  virtual status start(std::string_view name_or_id) = 0;

  /// Ids of all containers, running or not, with this label ("key=value").
  /// Gives up early with `interrupted` when stopped.
  virtual result<std::vector<std::string>>
  find_by_label(std::string_view label, std::stop_token stop) = 0;

  /// All containers of the node in one call; see container_info for what it
  /// leaves out. Gives up early with `interrupted` when stopped.
  virtual result<std::vector<container_info>> list(std::stop_token stop) = 0;

  /// Nothing when the last call about the container was answered, or none was
  /// made. `name` is the one the calls were made with. Asks nobody; does not
  /// block, from any thread.
  virtual std::optional<container_silence>
  silence_of(std::string_view name) const = 0;
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
  /// true when it lies in the trash now, whoever moved it. Fault
  /// volume_obstructed: what stands there is no directory that can be renamed,
  /// a mount point or a link; only an operator can help.
  virtual result<bool> detach(const server_id& server,
                              std::string_view entry) = 0;

  /// The reverse: trash entry → volume. Fault server_exists when a volume is
  /// in the way. Missing in the trash while the volume exists is success.
  virtual status reattach(std::string_view entry, const server_id& server) = 0;

  struct purge_progress {
    std::int64_t entries = 0;       ///< removed so far, by all runs
    std::int64_t bytes = 0;         ///< disk blocks freed so far, by all runs
    std::int64_t before = 0;        ///< of the entries: by earlier runs
    std::int64_t entries_total = 0; ///< 0 while unknown
    std::int64_t failed = 0;        ///< entries that could not be removed
  };
  /// Removes a trash entry recursively; the tree is its own cursor, so a purge
  /// goes on where it was, and counts on from what earlier runs have told; a
  /// power cut may lose some of that count. Never crosses into another file
  /// system, never follows a link. `tell` is called at least every 4,096
  /// entries. Returns with the first error after removing all it could; missing
  /// is success.
  virtual result<purge_progress>
  purge(std::string_view entry, std::stop_token stop,
        const std::function<void(const purge_progress&)>& tell) = 0;

  /// Whether the trash has an entry of this name; as cheap as one look.
  virtual result<bool> is_in_trash(std::string_view entry) = 0;
  // -- restores: trees made beside the volumes, on the same mount -------------

  /// The volume, open for reading. Fault volume_obstructed when there is none,
  /// or something else in its place.
  virtual result<descriptor> open(const server_id& server) = 0;

  /// An empty staging directory of that name, owned by the server user; what a
  /// crash left under the name is removed first.
  virtual result<descriptor> stage(std::string_view name,
                                   std::stop_token stop) = 0;
  /// Removes it; missing is success. `tell` as of purge.
  virtual status discard_staging(
      std::string_view name, std::stop_token stop,
      const std::function<void(const purge_progress&)>& tell = {}) = 0;
  /// Removes staging trees whose job does not live; asks when it has seen the
  /// tree. What is not named after a job is left alone. One that cannot be
  /// removed stays, as the log tells, and keeps it from no other: the fault is
  /// the first of them.
  virtual status sweep_staging(const is_live_job& is_live,
                               std::stop_token stop) = 0;

  /// Where a tree that becomes the volume comes from.
  enum class origin { staging, trash };

  enum class placing { whole, merged };
  /// Whether a tree can take the place of the volume, or be merged into it.
  /// Fault volume_obstructed, naming what is in the way and what to do: a link,
  /// a mount point, something mounted inside, another device.
  virtual status check_place(const server_id& server, placing how) = 0;

  /// volume → trash `entry`, then `name` → volume: two renames and the syncs
  /// of the directories. Goes on where a crash left it; success when it was
  /// done. False when there was no volume to keep. Fault io_error when neither
  /// the tree nor the volume is there. A staged tree takes owner and mode of
  /// the volume it replaces; what is in it is as it was made.
  virtual result<bool> replace(origin from, std::string_view name,
                               const server_id& server,
                               std::string_view entry) = 0;

  /// Moves every entry of the tree into the volume, directories merged, and
  /// removes the tree. What is in the way is moved to the same path below
  /// `entry` in the trash, never deleted, and what is new in the volume is put
  /// on a list beside it: merging `entry` back takes that out again. There is
  /// an `entry` when there is anything to take back. A directory that is on
  /// both sides gets the look of the tree's, unless that is staged and changed
  /// since its job was made: it is then on the way to others only. Only
  /// forward: run again after a crash it does the rest. Success when the tree
  /// is gone. How many entries it moved; `tell` hears how many so far, at least
  /// every 256.
  virtual result<std::int64_t>
  merge(origin from, std::string_view name, const server_id& server,
        std::string_view entry, std::stop_token stop,
        const std::function<void(std::int64_t)>& tell = {}) = 0;

  /// What a merge has kept in the trash: of all its runs, also when the process
  /// died between them.
  struct merge_account {
    std::int64_t replaced = 0;      ///< files and links that were in the way
    std::int64_t bytes = 0;         ///< of them, as their sizes say
    std::int64_t added = 0;         ///< names that were not there before
    std::vector<std::string> paths; ///< of the replaced, the first hundred
  };
  /// Zeros when it kept nothing. `tell` is called at least every 256 entries.
  /// Fault interrupted when stopped.
  virtual result<merge_account> account_of_merge(
      std::string_view entry, std::stop_token stop,
      const std::function<void(const merge_account&)>& tell = {}) = 0;

  /// Hears how many entries a walk has looked at, at least every 4,096.
  using walk_tell = std::function<void(std::int64_t)>;
  /// Bytes below the volume (blocks), by a walk.
  virtual result<std::int64_t> used(const server_id& server,
                                    std::stop_token stop,
                                    const walk_tell& tell = {}) = 0;

  /// Makes everything below the volume, itself included, belong to the server
  /// user, links themselves. Never across a mount; a file that has names
  /// outside too is left, and logged. How many entries did not belong to it; 0
  /// when there is no volume. Gives up early with `interrupted` when stopped;
  /// run again it does the rest.
  virtual result<std::int64_t> take_ownership(const server_id& server,
                                              std::stop_token stop) = 0;

  /// As `used`, of an entry of the trash; 0 when it is not there.
  virtual result<std::int64_t> used_in_trash(std::string_view entry,
                                             std::stop_token stop,
                                             const walk_tell& tell = {}) = 0;
  /// The same of a staged tree.
  virtual result<std::int64_t> used_in_staging(std::string_view name,
                                               std::stop_token stop,
                                               const walk_tell& tell = {}) = 0;
  /// As `used`, of what merging this staged tree would push aside.
  virtual result<std::int64_t> overlap(std::string_view name,
                                       const server_id& server,
                                       std::stop_token stop,
                                       const walk_tell& tell = {}) = 0;

  /// Of the disk the volumes are on. As archives::reserve and release, for the
  /// trees that restores make there.
  virtual result<disk_space> space() = 0;
  virtual status reserve(const job_id& job, const room_wanted& room) = 0;
  virtual void release(const job_id& job) = 0;

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
  jobs::archives& archives;
  /// The ledger, for steps that decide by what it knows.
  jobs::queries& records;
  /// How long a deleted server can be brought back; 0: purge at once.
  std::chrono::milliseconds undelete_window{0};
  /// How long a restore can be undone.
  std::chrono::milliseconds restore_undo_window{std::chrono::hours{24}};
  /// Between the close frame and the end of the TCP connection.
  std::chrono::milliseconds socket_grace{2'000};
  /// What a step asks the Panel; what it tells is a change, tell_panel.
  jobs::panel& panel = no_panel();
  /// Null: a node that runs no servers, of tests that need none.
  const server_life* life = nullptr;
  /// Null: a node that reaches no other machine's storage.
  const far_places* far = nullptr;
  /// Null: a node that keeps no backups of systems.
  const system_parts* systems = nullptr;
  /// Null: a node that no other sends servers.
  incoming_transfers* incoming = nullptr;
};

} // namespace alula::jobs
