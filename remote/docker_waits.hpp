/// Waits for the ends of containers, POST /containers/{id}/wait, whatever their
/// number on one thread: nobody blocks in a call that has no natural end.
#pragma once

#include "jobs/ports.hpp"
#include "remote/docker.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

namespace alula::remote {

class docker_api;
class stream_loop;

/// Safe from any thread. The thread begins with the first wait.
class docker_waits {
public:
  /// Both outlive it.
  docker_waits(const docker_settings& settings, const docker_api& api);
  ~docker_waits();
  docker_waits(const docker_waits&) = delete;
  docker_waits& operator=(const docker_waits&) = delete;

  /// As jobs::containers::notice_end. dockerd sends the head of its answer at
  /// once and the rest when the container ends; without a head within
  /// `settings.inspect` it is left alone. The notice may outlive this.
  std::unique_ptr<jobs::end_notice> open(std::string_view name_or_id,
                                         std::chrono::milliseconds limit,
                                         std::function<void()> told);

private:
  std::shared_ptr<stream_loop> loop();

  const docker_settings& settings_;
  const docker_api& api_;
  std::mutex mutex_;
  std::shared_ptr<stream_loop> loop_;
};

} // namespace alula::remote
