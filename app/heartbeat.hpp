/// Tells systemd's watchdog that the node is alive (sd_watchdog_enabled(3)).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <thread>

namespace alula::app {

/// How often the supervisor wants to hear, from WATCHDOG_USEC and WATCHDOG_PID;
/// nothing when it does not.
std::optional<std::chrono::microseconds> wanted_heartbeat();

class heartbeat {
public:
  /// Three times as often as asked, "WATCHDOG=1" after `look` has come back:
  /// a look that hangs is a node that hangs. Nothing when nobody listens.
  explicit heartbeat(std::function<void()> look);
  ~heartbeat() = default;
  heartbeat(const heartbeat&) = delete;
  heartbeat& operator=(const heartbeat&) = delete;

private:
  std::jthread thread_;
};

} // namespace alula::app
