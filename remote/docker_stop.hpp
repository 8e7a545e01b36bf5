/// The ladder that ends with a container not running: look, ask by a signal,
/// wait, kill, wait. dockerd's own stop is not used: it can hang for ever, and
/// a call that lasts as long as a world takes to be saved has no deadline that
/// tells it from one that hangs (user-pains C5, D4).
#pragma once

#include "jobs/ports.hpp"
#include "jobs/result.hpp"
#include "remote/docker_link.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

namespace alula::remote {

/// One attempt at one container, on one thread; a later one may climb the same
/// rungs again. The right to talk about the container is taken for each call,
/// not for the whole.
///
///   inspect ─▶ missing, down: done
///      │ up
///      ▼
///   signal ─▶ wait for `grace` ─▶ down: done
///                 │ still up
///                 ▼
///              SIGKILL ─▶ wait ─▶ down: done; still up: container_busy
class docker_stop {
public:
  /// `docker` is what `link` belongs to. Both outlive the ladder.
  docker_stop(jobs::containers& docker, docker_link& link,
              std::string_view name_or_id, std::stop_token stop);

  /// `signal` is empty for the image's own. Faults: docker_unavailable,
  /// docker_refused, container_busy, interrupted.
  jobs::status run(std::string_view signal, std::chrono::milliseconds grace);

private:
  using clock = std::chrono::steady_clock;

  jobs::status look();
  jobs::status ask(std::string_view signal);
  jobs::status kill();
  jobs::result<http_answer> post(const std::string& verb);
  jobs::status wait_until_down(std::chrono::milliseconds patience);
  void pause(clock::time_point end);
  void wake();

  jobs::containers& docker_;
  docker_api& api_;
  const docker_settings& settings_;
  circuit_breaker& circuits_;
  const std::string name_;
  const std::stop_token stop_;
  std::string target_;            ///< the id, once known
  std::string state_ = "unknown"; ///< Docker's word, as last seen
  bool up_ = false;
  std::chrono::milliseconds pause_{20};
  std::mutex mutex_; ///< over the next one
  bool woken_ = false;
  std::condition_variable_any changed_;
};

} // namespace alula::remote
