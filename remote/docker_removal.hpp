/// The ladder that ends with a container gone: look, kill, wait until it is
/// down, remove; by force only when plain removal was refused, because force
/// leaks mounts (user-pains C5, D2).
#pragma once

#include "jobs/result.hpp"
#include "remote/docker_api.hpp"

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

namespace alula::remote {

/// One attempt at one container, on one thread. Every rung may be climbed again
/// by a later attempt.
///
///   inspect ─▶ missing: done
///      │ up            │ down
///      ▼               ▼
///   kill ─▶ wait ─▶ remove ─▶ 204, 404: done
///                    │  ▲  └─▶ "device or resource busy": container_busy
///     "in progress"  ▼  └──── nobody removes it any more
///                   wait ────▶ 404: done; too long: container_busy
///                    remove refused otherwise (409, 5xx) ─▶ the same by force
class docker_removal {
public:
  docker_removal(docker_api& api, const docker_settings& settings,
                 circuit_breaker::pass& pass, std::string_view name_or_id,
                 std::stop_token stop);

  /// Faults: docker_unavailable, docker_refused, container_busy, interrupted.
  jobs::status run();

private:
  using clock = std::chrono::steady_clock;
  /// What a removal call came to. `refused` carries the answer.
  enum class rung { gone, in_progress, refused };
  struct removal_answer {
    rung outcome;
    http_answer answer;
  };

  jobs::result<std::optional<jobs::container_info>> look();
  jobs::result<bool> find();
  jobs::status bring_down();
  jobs::result<http_answer> post(std::string_view verb);
  jobs::status wait_until_down();
  jobs::result<removal_answer> remove(bool by_force);
  jobs::result<removal_answer> remove_and_wait(bool by_force);
  void pause();
  std::chrono::milliseconds left() const;
  bool is_over() const;
  jobs::fault took_too_long() const;

  docker_api& api_;
  const docker_settings& settings_;
  circuit_breaker::pass& pass_;
  const std::string name_;
  const std::stop_token stop_;
  const clock::time_point end_;
  std::string target_;            ///< the id, once known; see find()
  std::string state_ = "unknown"; ///< Docker's word, as last seen
  bool up_ = false;
  std::chrono::milliseconds pause_{20};
};

} // namespace alula::remote
