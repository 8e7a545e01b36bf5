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
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::remote {

/// Safe from any thread.
class docker_api {
public:
  explicit docker_api(const docker_settings& settings);

  struct call {
    std::string method;
    std::string path; ///< after the version: "/containers/json?all=1"
    std::chrono::milliseconds limit{};
    std::size_t max_body = 0;
    std::string body = {}; ///< JSON, when there is one
    std::vector<std::pair<std::string, std::string>> headers = {};
    /// As in http_request: an answer that is heard as it comes.
    std::function<bool(std::string_view)> take = {};
    std::chrono::milliseconds silence{0};
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

  /// What the container is to be stopped with: "SIGTERM" unless its image says
  /// otherwise, also when there is no such container.
  jobs::result<std::string> stop_signal(std::string_view id,
                                        circuit_breaker::pass& pass,
                                        std::chrono::milliseconds limit,
                                        const std::stop_token& stop);

  struct console_info {
    std::string name, id;
    bool has_tty = false;
  };
  /// What is to be known about a container before its console is read.
  jobs::result<std::optional<console_info>>
  console_of(std::string_view name_or_id, circuit_breaker::pass& pass,
             std::chrono::milliseconds limit, const std::stop_token& stop);

  /// Of the paths: the version that is spoken, "/v1.41" or nothing.
  std::string prefix() const;

  /// For what did not come over this client: no connection, no answer.
  jobs::fault fault_of(const http_error& error, const call& what) const;

  /// For an answer without sense.
  jobs::fault not_docker(std::string_view where) const;

private:
  using deadline = std::chrono::steady_clock::time_point;
  jobs::result<http_answer> send(const call& what, const std::string& version,
                                 deadline end, circuit_breaker::pass& pass,
                                 const std::stop_token& stop);
  jobs::result<int> negotiate(deadline end, circuit_breaker::pass& pass,
                              const std::stop_token& stop);
  /// The text of the container of exactly this name or whole id, or nothing.
  struct container_text {
    jobs::container_info info;
    std::string json;
  };
  jobs::result<std::optional<container_text>>
  read(std::string_view name_or_id, circuit_breaker::pass& pass,
       std::chrono::milliseconds limit, const std::stop_token& stop);

  const docker_settings& settings_;
  http_client client_;
  /// Spoken at first, without asking: asking costs dockerd a look at containerd
  /// and runc, which may hang. major·1000 + minor; 0: paths without a version.
  std::atomic<int> version_;
};

} // namespace alula::remote
