/// One HTTP/1.1 request at a time per caller, over TCP or a unix socket, with
/// a deadline. The only file pair that uses libcurl.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace alula::remote {

struct http_request {
  std::string method = "GET";
  /// Absolute; sent as it is, so the caller escapes (see `escape`). Over a unix
  /// socket its host is only what the Host header says.
  std::string url;
  std::string body =
      {}; ///< sent, with its length, unless the method is GET or HEAD
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::chrono::milliseconds connect_limit{2'000};
  /// For everything: connecting, sending, waiting and reading the last byte.
  std::chrono::milliseconds limit{5'000};
  /// A longer body ends the exchange with `too_large`.
  std::size_t max_body = std::size_t{4} << 20;
};

struct http_answer {
  int status = 0;
  std::string body;
};

/// Why there is no answer. What the peer did with the request is unknown,
/// except after `unreachable`.
enum class http_failure {
  unreachable, ///< no connection: see os_error
  timed_out,   ///< a limit passed
  broken,      ///< the connection ended early, or what came is not HTTP
  too_large,   ///< the answer exceeds max_body, or its headers 256 KiB
  stopped,     ///< the stop token fired
};

struct http_error {
  http_failure kind = http_failure::broken;
  int os_error = 0; ///< errno of connect(2), 0 when there is none
  std::string what; ///< half a sentence in libcurl's words
};

using http_outcome = std::variant<http_answer, http_error>;

struct http_client_settings {
  std::string unix_socket = {};     ///< path; empty: TCP as the URL says
  std::size_t idle_connections = 8; ///< kept open between requests
};

/// Safe from any thread. Connections are kept and reused, as many as there
/// were callers at once, up to `idle_connections`. A request that meets a kept
/// connection its peer has just closed is sent once more on a new one, which
/// is libcurl's way and fine for the idempotent requests made here. Redirects
/// are answers like any other; proxies of the environment are not used.
class http_client {
public:
  explicit http_client(http_client_settings settings);
  ~http_client();
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  /// Blocks up to `request.limit`; returns within milliseconds once `stop`
  /// fires. Throws only std::bad_alloc.
  http_outcome send(const http_request& request,
                    const std::stop_token& stop = {});

private:
  class line;
  class pool;
  std::unique_ptr<pool> pool_;
};

/// Percent-encodes everything but the unreserved characters (RFC 3986, 2.3).
std::string escape(std::string_view text);

} // namespace alula::remote
