/// One attached container: what it says goes into lines, lines and samples into
/// a box, and from there to its listener.
#pragma once

#include "jobs/container_streams.hpp"
#include "jobs/result.hpp"
#include "remote/docker_console_box.hpp"
#include "remote/docker_delivery.hpp"
#include "remote/docker_loop.hpp"
#include "remote/docker_text.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace alula::remote {

class console_registry;

/// Kept by the registry and by its streams.
class console final : public std::enable_shared_from_this<console> {
public:
  struct place {
    stream_loop& loop;
    delivery& deliveries;
    console_registry& registry;
    std::string prefix; ///< of paths: the version of the API
    std::chrono::milliseconds limit;
    std::chrono::milliseconds stats_pause; ///< before they are asked for again
  };
  struct container {
    std::string name, id;
    bool has_tty = true;
  };

  console(place at, container of,
          std::shared_ptr<jobs::container_listener> listener);

  /// Blocks until dockerd has said yes or no, or the limit passed. Nothing:
  /// attached.
  std::optional<stream_loop::ending> open();
  /// From now on its listener hears what it says: it is known by its name.
  void begin();

  /// Fault rate_limited when too much is not read yet.
  jobs::status write(std::string_view text);
  /// Lets go of the streams; the listener hears `ended`, or nothing more.
  void close(bool with_end);

  const container& of() const { return of_; }
  bool is_over() const { return is_over_; }

private:
  class output;
  class stats;
  void open_stats();
  bool take(std::string_view bytes);
  void finish();
  void wake();

  const place at_;
  const container of_;
  const std::shared_ptr<console_box> box_;
  std::atomic<bool> has_begun_ = false;
  std::atomic<bool> is_over_ = false;
  std::atomic<std::size_t> unread_ = 0; ///< bytes written, not sent
  std::atomic<stream_loop::stream_id> output_id_ = 0;
  std::atomic<stream_loop::stream_id> stats_id_ = 0;
  // Of the loop's thread:
  frame_splitter frames_;
  std::array<line_cutter, 3> cutters_;
  bool is_behind_ = false;
};

/// The attached containers, by their names and by their ids. Any thread.
class console_registry {
public:
  std::shared_ptr<console> find(std::string_view name_or_id) const;
  /// The one it takes the place of. One that is over already is not put.
  std::shared_ptr<console> put(const std::shared_ptr<console>& one);
  void remove(const console& one);
  std::shared_ptr<console> take(std::string_view name_or_id);

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<console>, std::less<>> consoles_;
};

} // namespace alula::remote
