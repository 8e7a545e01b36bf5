/// Consoles, samples and events of the containers of the node, from dockerd.
#pragma once

#include "jobs/container_streams.hpp"
#include "remote/docker.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace alula::remote {

struct docker_stream_settings {
  std::size_t threads = 2;                 ///< that call the listeners
  std::chrono::milliseconds attach{5'000}; ///< until dockerd says yes
  std::chrono::milliseconds logs{10'000};
  /// Before the stats are opened again that ended without their container.
  std::chrono::milliseconds stats_pause{2'000};
  std::chrono::milliseconds ping{10'000}; ///< to a dockerd that is watched
  std::chrono::milliseconds ping_limit{5'000};
  std::chrono::milliseconds first_pause{100}; ///< before events are reopened
  std::chrono::milliseconds longest_pause{10'000};
};

/// One thread reads, whatever the number of containers, and
/// `settings.threads` call the listeners: see docker_loop.hpp and
/// docker_delivery.hpp. Safe from any thread.
class docker_streams final : public jobs::container_streams {
public:
  /// Throws std::system_error when the system has no descriptors left.
  explicit docker_streams(std::shared_ptr<docker_link> link,
                          docker_stream_settings settings = {});
  /// Nobody hears anything when it returns. Not called by a listener.
  ~docker_streams() override;

  /// Faults also: those of a circuit that is open (docker.hpp).
  jobs::status
  attach(std::string_view name_or_id,
         std::shared_ptr<jobs::container_listener> listener) override;
  void detach(std::string_view name_or_id) override;
  bool is_attached(std::string_view name_or_id) const override;
  jobs::status write(std::string_view name_or_id,
                     std::string_view text) override;

  /// At most 1,000 lines and 4 MiB of them.
  jobs::result<std::vector<std::string>> log_tail(std::string_view name_or_id,
                                                  std::size_t lines) override;

  void watch(std::shared_ptr<jobs::container_event_listener> listener) override;
  void stop_watching() override;

private:
  class parts;
  std::unique_ptr<parts> parts_;
};

} // namespace alula::remote
