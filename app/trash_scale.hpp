/// How many bytes the trash holds, for `/metrics`: trees are measured on a
/// thread of its own, once each, as they do not grow there.
#pragma once

#include "jobs/ports.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace alula::app {

class trash_scale {
public:
  trash_scale() = default;
  ~trash_scale() { stop(); }
  trash_scale(const trash_scale&) = delete;
  trash_scale& operator=(const trash_scale&) = delete;

  /// Looks when bytes() is asked, at least `pause` apart: where nobody asks, no
  /// disk is read. `volumes` outlives the stop.
  void start(jobs::volumes& volumes,
             std::chrono::milliseconds pause = std::chrono::seconds{10});
  /// Waits for a look under way, which it cuts short.
  void stop();

  /// Of all trees that were measured and were still there at the last look, 0
  /// before the first; a tree that is being purged counts whole until it is
  /// gone. Any thread, never blocks for a disk.
  std::int64_t bytes();

private:
  void run(jobs::volumes& volumes, std::chrono::milliseconds pause,
           const std::stop_token& stop);
  void look(jobs::volumes& volumes, const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any asked_;
  bool is_asked_ = false;
  std::int64_t bytes_ = 0;
  std::map<std::string, std::int64_t> known_; ///< the thread's own
  std::jthread thread_;
};

} // namespace alula::app
