/// The lines that are logged while it lives.
#pragma once

#include "jobs/log.hpp"

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

/// One at a time: it takes the sink of the process, and leaves none. Must not
/// end while other threads may still log.
class heard_log {
public:
  heard_log() {
    jobs::set_log_sink([this](jobs::log_level, std::string_view event,
                              std::string_view fields) {
      const std::lock_guard lock{mutex_};
      lines_.push_back(std::string{event} + " " + std::string{fields});
    });
  }
  ~heard_log() { jobs::set_log_sink({}); }
  heard_log(const heard_log&) = delete;
  heard_log& operator=(const heard_log&) = delete;

  /// "event key=value key=value".
  std::vector<std::string> lines() const {
    const std::lock_guard lock{mutex_};
    return lines_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

} // namespace alula::http
