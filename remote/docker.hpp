/// The container engine of the node, reached through dockerd's unix socket
/// (Docker Engine API 1.41, and newer ones that dropped it).
#pragma once

#include "jobs/ports.hpp"
#include "remote/circuit_breaker.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::remote {

struct docker_link;

/// Every call has a deadline of its own; dockerd has none (user-pains C5, D4).
struct docker_settings {
  std::string socket = "/var/run/docker.sock";
  std::chrono::milliseconds connect{2'000};
  std::chrono::milliseconds inspect{5'000};
  std::chrono::milliseconds list{15'000};
  /// One kill; and after it, how long the container may take to be down.
  /// dockerd itself waits 12 s for a SIGKILL to work.
  std::chrono::milliseconds kill{15'000};
  std::chrono::milliseconds removal{60'000}; ///< all of destroy()
  /// dockerd answers when the process runs; a busy disk makes that long.
  std::chrono::milliseconds start{30'000};
  /// Between two looks at a container that is going away, at most.
  std::chrono::milliseconds poll{500};
  /// About 2 KiB per container in a list: room for 30,000.
  std::size_t max_list_bytes = std::size_t{64} << 20;
  std::size_t max_answer_bytes = std::size_t{4} << 20; ///< of all other calls
  circuit_settings circuit = {};
};

/// The path in a DOCKER_HOST value: "unix:///run/docker.sock" or a bare
/// absolute path. Fault: validation, for anything else (TCP is not served).
jobs::result<std::string> socket_of(std::string_view docker_host);

/// Safe from any thread; connects on first use, so constructing one never
/// fails because dockerd is away.
///
/// A container is found by its exact name or its whole id: dockerd also takes
/// the beginning of an id, which never means ours, and is answered as missing
/// here. Once found, it is addressed by its id, so that a namesake made in the
/// meantime is not touched.
///
/// Calls about one container go one at a time and a container that hangs is
/// left alone for a while: see circuit_breaker.hpp. That is why every call
/// about a container may also answer container_busy or docker_unavailable at
/// once.
class docker final : public jobs::containers {
public:
  explicit docker(docker_settings settings = {});
  explicit docker(std::shared_ptr<docker_link> link);
  ~docker() override;

  jobs::result<std::optional<jobs::container_info>>
  inspect(std::string_view name_or_id) override;

  jobs::status destroy(std::string_view name_or_id,
                       std::stop_token stop) override;

  /// Between two calls others may talk about the container: it is not held
  /// for the whole of `grace`. Faults also: docker_refused for a signal dockerd
  /// does not know, container_busy when it survives even SIGKILL.
  jobs::status stop(std::string_view name_or_id, std::string_view signal,
                    std::chrono::milliseconds grace,
                    std::stop_token stop) override;

  jobs::status kill(std::string_view name_or_id,
                    std::string_view signal) override;

  /// POST /containers/{id}/wait, on a thread of its own for all of them; no
  /// circuit counts it.
  std::unique_ptr<jobs::end_notice>
  notice_end(std::string_view name_or_id, std::chrono::milliseconds limit,
             std::function<void()> told) override;

  jobs::status start(std::string_view name_or_id) override;

  jobs::result<std::vector<std::string>>
  find_by_label(std::string_view label, std::stop_token stop) override;

  /// What dockerd does not list stays empty: `started_at`, and how the last
  /// run ended.
  jobs::result<std::vector<jobs::container_info>>
  list(std::stop_token stop) override;

  /// Names or ids of the containers whose last call got no answer (A16).
  std::vector<std::string> unresponsive() const;

  std::optional<jobs::container_silence>
  silence_of(std::string_view name) const override;

  /// For the other two Docker ports.
  const std::shared_ptr<docker_link>& link() const { return link_; }

private:
  std::shared_ptr<docker_link> link_;
};

} // namespace alula::remote
