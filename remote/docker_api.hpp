/// One call to dockerd: which version to speak, how long to wait, and which
/// fault no answer is.
#pragma once

#include "jobs/ports.hpp"
#include "jobs/result.hpp"
#include "remote/circuit_breaker.hpp"
#include "remote/docker.hpp"
#include "remote/http_client.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace alula::remote {

/// Safe from any thread.
class docker_api {
public:
  explicit docker_api(const docker_settings& settings);

  struct call {
    std::string method;
    std::string path; ///< after the version: "/containers/json?all=1"
    std::chrono::milliseconds limit;
    std::size_t max_body;
  };

  /// Any answer of dockerd, errors included. Tells `pass` whether one came.
  /// Faults: docker_unavailable (a sentence that names the socket),
  /// interrupted.
  jobs::result<http_answer> run(const call& what, circuit_breaker::pass& pass,
                                const std::stop_token& stop);

  /// The container of exactly this name or whole id, or nothing.
  jobs::result<std::optional<jobs::container_info>>
  inspect(std::string_view name_or_id, circuit_breaker::pass& pass,
          std::chrono::milliseconds limit, const std::stop_token& stop);

private:
  using deadline = std::chrono::steady_clock::time_point;
  jobs::result<http_answer> send(const call& what, const std::string& version,
                                 deadline end, circuit_breaker::pass& pass,
                                 const std::stop_token& stop);
  jobs::result<int> negotiate(deadline end, circuit_breaker::pass& pass,
                              const std::stop_token& stop);
  jobs::fault fault_of(const http_error& error, const call& what) const;

  const docker_settings& settings_;
  http_client client_;
  /// Spoken at first, without asking: asking costs dockerd a look at containerd
  /// and runc, which may hang. major·1000 + minor; 0: paths without a version.
  std::atomic<int> version_;
};

} // namespace alula::remote
