/// One HTTP/1.1 request at a time per caller, over TCP or a unix socket, with
/// a deadline. Transfers of libcurl are known here and in curl_inbox.cpp only.
#pragma once

#include "jobs/object_store.hpp"
#include "jobs/rate_limit.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

struct sockaddr;

namespace alula::remote {

/// What an answer begins with. Names are in lower case.
struct http_head {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  /// Of the first header of that name, in lower case; empty without one.
  std::string_view find(std::string_view name) const;
};

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
  /// Hears the body of a 2xx answer piece by piece, on the caller's thread,
  /// instead of its being kept; `max_body` is for the others then. False ends
  /// the exchange with `stopped`. Must not throw.
  std::function<bool(std::string_view)> take = {};
  /// Above zero it takes the place of `limit`: how long nothing may come.
  std::chrono::milliseconds silence{0};
  /// False: any certificate will do, for a peer on this machine's loopback.
  bool checks_certificate = true;

  // -- of transfers -----------------------------------------------------------

  /// Sent by PUT instead of `body`, with its size as Content-Length; read from
  /// its start again when the request has to be sent again. Outlives the call.
  const jobs::byte_source* source = nullptr;
  /// Told how much of it was read. Must not block.
  std::function<void(std::int64_t)> sent = {};
  /// Sent by POST in chunks instead of `body`: fills the span as far as it can
  /// and says how far; 0 is the end, nothing ends the exchange with `unread`.
  /// May wait for what it gives, but no longer than the stop token lets it.
  /// Cannot be sent again: only for clients that keep no connections.
  std::function<std::optional<std::size_t>(std::span<char>)> feed = {};
  /// Above zero: once the feed has come to its end, the place of `silence`.
  std::chrono::milliseconds answer_limit{0};
  /// Of the source, shared with other requests. Outlives the call.
  jobs::shared_rate* send_limit = nullptr;
  std::int64_t send_rate = 0; ///< bytes per second; 0: as it goes
  std::int64_t take_rate = 0;
  /// Hears status and headers before the body; false ends the exchange with
  /// `stopped`. Must not throw.
  std::function<bool(const http_head&)> begin = {};
  /// Asked for every address that is about to be connected to, after the name
  /// was looked up; false ends that attempt, and with it the exchange with
  /// `forbidden`. A connection that is kept was asked for.
  std::function<bool(const sockaddr&)> may_connect = {};
  std::string ca_file = {}; ///< PEM, instead of the system's
  /// "HOST:PORT:ADDRESS": where such a name leads, for tests of names that no
  /// machine knows. What is connected to is asked for all the same.
  std::vector<std::string> resolve = {};
};

struct http_answer {
  int status = 0;
  std::string body;
  /// Only those of exchanges with a source, a `begin`, or nothing to `take`.
  http_head head = {};
};

inline bool is_success(const http_answer& answer) {
  return answer.status >= 200 && answer.status < 300;
}

/// Why there is no answer. What the peer did with the request is unknown,
/// except after `unreachable`.
enum class http_failure {
  unreachable, ///< no connection: see os_error
  timed_out,   ///< a limit passed
  broken,      ///< the connection ended early, or what came is not HTTP
  too_large,   ///< the answer exceeds max_body, or its headers 256 KiB
  stopped,     ///< the stop token fired, or `take` had enough
  forbidden,   ///< may_connect refused the address
  unread,      ///< the source or the feed cannot be read
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

  /// Blocks up to the limits of the request; returns within milliseconds once
  /// `stop` fires. Throws only std::bad_alloc.
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
