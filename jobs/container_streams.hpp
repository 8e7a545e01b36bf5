/// What running containers say about themselves, as it comes: their console,
/// what they use, and what dockerd does to them. A few threads serve all
/// containers of the node, whatever their number.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

struct resource_sample {
  std::int64_t memory_bytes = 0; ///< without the inactive file cache
  std::int64_t memory_limit_bytes = 0;
  double cpu_percent = 0; ///< of one core, summed over cores
  std::int64_t received_bytes = 0;
  std::int64_t sent_bytes = 0;
};

/// Hears of one container. Called on a thread of the streams, one call at a
/// time per container; must not block, may call `write` and `detach`. One that
/// is slow all the same makes its container wait with what it says, not others.
class container_listener {
public:
  virtual ~container_listener() = default;
  /// Without its line end, never empty; of at most 64 KiB, longer ones come in
  /// pieces. A blank with a CR behind it is a CR LF inside
  /// (wings-protocol 5.9).
  virtual void line(std::string_view text) = 0;
  /// About once a second while it runs; only the newest when it is slow.
  virtual void sample(const resource_sample& what) = 0;
  /// The console has ended or broke off, the container was removed or another
  /// listener took over: nothing comes any more. Whether the container still
  /// runs is for `inspect` to say.
  virtual void ended() = 0;
};

/// Hints from dockerd's event stream: look at this container. A lost
/// connection is opened again by itself and reported as `missed`.
class container_event_listener {
public:
  virtual ~container_event_listener() = default;
  /// `what`: Docker's word: start, die, oom, kill, destroy …; `name` is empty
  /// where Docker says none.
  virtual void changed(std::string_view name, std::string_view id,
                       std::string_view what) = 0;
  /// dockerd is there, for the first time or again, or events may have been
  /// lost: look at all containers. What happens from now on is told.
  virtual void missed() = 0;
  /// dockerd cannot be reached or does not answer; said once, and `missed`
  /// follows when it does again.
  virtual void away(const fault& why) = 0;
};

/// Faults as jobs::containers.
class container_streams {
public:
  virtual ~container_streams() = default;

  /// Attaches to stdin, stdout and stderr of a container, running or only
  /// created, with or without a TTY, and opens its stats. Blocks up to its
  /// deadline; when it returns, nothing the container says from now on is lost.
  /// A second call for the same container replaces the first one, whose
  /// listener hears `ended`. Faults: docker_refused when there is no such
  /// container or it is paused.
  virtual status attach(std::string_view name_or_id,
                        std::shared_ptr<container_listener> listener) = 0;

  /// Lets go; the listener hears nothing more, but for a call that is under way
  /// on another thread. Not attached is success.
  virtual void detach(std::string_view name_or_id) = 0;

  virtual bool is_attached(std::string_view name_or_id) const = 0;

  /// Queues `text` for the container's stdin, as it is. Does not block. Faults:
  /// docker_refused when it is not attached, rate_limited when the container
  /// has not read what was written before (1 MiB).
  virtual status write(std::string_view name_or_id, std::string_view text) = 0;

  /// The newest lines of the container's log, oldest first, cut like those a
  /// listener hears; empty when there is no such container. Blocks.
  virtual result<std::vector<std::string>> log_tail(std::string_view name_or_id,
                                                    std::size_t lines) = 0;

  /// Follows dockerd's events until `stop_watching`; a second call replaces the
  /// listener. Does not block.
  virtual void watch(std::shared_ptr<container_event_listener> listener) = 0;
  virtual void stop_watching() = 0;
};

} // namespace alula::jobs
