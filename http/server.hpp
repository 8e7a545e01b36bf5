/// The door as a whole: listens, lets requests in, and closes. One thread of
/// its own answers everything (stack 10).
#pragma once

#include "http/auth.hpp"
#include "http/cors.hpp"
#include "http/exchange.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace alula::http {

struct tls_files {
  std::filesystem::path certificate; ///< PEM, the whole chain
  std::filesystem::path key;         ///< PEM
};

/// Everything a stranger can make the door hold. docs/door.md says what is
/// answered when a limit is passed, and where the connection is cut instead.
struct door_limits {
  /// Ten thousand players' websockets and, beside them, the Panel, long polls
  /// and scrapes: three quarters of it are seats for websockets.
  static constexpr std::size_t usual_connections = 16'384;

  std::size_t url = 8'000;                      ///< bytes; 414
  std::size_t head = 64 * 1'024;                ///< bytes; 431
  std::size_t fields = 100;                     ///< header lines; 431
  std::size_t body = 8 * 1'024 * 1'024;         ///< bytes; 413
  std::size_t open_body = 64 * 1'024;           ///< without a good bearer; 413
  std::size_t all_bodies = 256 * 1'024 * 1'024; ///< together; 503
  /// 0: the usual number. Never more than RLIMIT_NOFILE allows, less the
  /// reserve.
  std::size_t connections = 0;
  /// Descriptors left to the rest of the process.
  std::size_t reserved_descriptors = 256;
  std::size_t pending = 10'000; ///< unanswered requests; 503
  /// Requests without a good bearer, per peer and second, not from loopback;
  /// 429. 0: no limit.
  double open_requests_per_second = 100;
  double open_requests_burst = 200;
  /// Requests of one principal on metered routes, per second; 429. 0: no limit.
  double keyed_requests_per_second = 10;
  double keyed_requests_burst = 20;
  std::size_t stream_unsent = 1'024 * 1'024; ///< bytes; then the stream is cut
  std::size_t socket_unsent = 1'024 * 1'024; ///< bytes; then it is killed
  std::size_t socket_message = 64 * 1'024;   ///< bytes, inbound; close 1009
  double socket_frames_per_second = 50;      ///< inbound; close 1008
  double socket_frames_burst = 200;

  std::chrono::milliseconds handshake{10'000};
  std::chrono::milliseconds idle{75'000};
  std::chrono::milliseconds head_time{10'000}; ///< 408
  std::chrono::milliseconds body_time{60'000}; ///< 408
  /// Bytes that a streamed body brings in each `body_time`, or its end; 408.
  std::size_t streamed_pace = 16 * 1'024 * 60;
  /// Above the longest long poll of 55 s (job-engine B.5); 504.
  std::chrono::milliseconds handling{75'000};
  /// Without progress while an answer, a stream or a frame is sent; then cut.
  std::chrono::milliseconds writing{30'000};
  /// For the peer of a websocket to answer a close frame.
  std::chrono::milliseconds socket_close{3'000};
};

struct server_settings {
  std::string host = "127.0.0.1";    ///< an address or a name
  std::uint16_t port = 8080;         ///< 0: any free one, see server::port()
  std::string token;                 ///< the Panel's; empty admits nobody
  principal_sources principals = {}; ///< everybody else
  std::optional<tls_files> tls = std::nullopt;
  cors_settings cross_origin = {};
  /// Peers whose X-Forwarded-For says who asks (trusted_proxies.hpp).
  std::vector<std::string> proxies = {};
  door_limits limits = {};
  /// Asked before every handler but those of /healthz and the page, on the I/O
  /// thread; a fault is the answer. Must not block.
  std::function<std::optional<jobs::fault>(const request&)> gate = {};
};

class server {
public:
  server(server_settings settings, std::vector<route> routes);
  /// As stop(0).
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Opens the port. Fault: io_error (address in use, TLS files).
  jobs::status start();
  /// 0 before start().
  std::uint16_t port() const;

  /// Any thread from here on.

  void set_token(std::string token);
  /// For requests from now on.
  void set_cross_origin(cors_settings settings);
  /// Reads the TLS files again, for new connections. On a fault (io_error,
  /// naming the file) the old certificate stays.
  jobs::status reload_tls();
  /// Takes no more connections, answers 503 shutting-down to whatever is not a
  /// GET or HEAD, and lets running answers finish, each the last of its
  /// connection.
  void drain();
  /// drain(), closes streams and websockets (1001), waits up to `grace` for
  /// what is unanswered, then cuts. Exchanges may outlive it: their answers are
  /// dropped. Not from the I/O thread.
  void stop(std::chrono::milliseconds grace);

  struct counts {
    std::size_t connections = 0, pending = 0, streams = 0, websockets = 0;
    std::size_t transfers = 0; ///< large bodies on their way
  };
  counts count() const;

private:
  struct running;
  std::unique_ptr<running> running_;
};

} // namespace alula::http
