/// One request and the ways to answer it, without a RESTinio type in sight:
/// handlers are written, and tested, against this. http/server.cpp implements
/// it on RESTinio; tests/doubles/ on nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::http {

using header_list = std::vector<std::pair<std::string, std::string>>;

struct request {
  std::string method; ///< upper case
  std::string path;   ///< as sent, without the query, not decoded
  std::vector<std::pair<std::string, std::string>>
      params; ///< of the route, decoded
  std::vector<std::pair<std::string, std::string>> query; ///< decoded
  header_list headers;
  std::string body;
  std::string request_id; ///< fresh per request, never the client's
  std::string remote;     ///< the peer's address
  std::string principal;  ///< who the bearer is; empty without one

  /// The route's parameter; empty when the route has none of that name.
  std::string_view param(std::string_view name) const;
  std::optional<std::string_view> query_value(std::string_view name) const;
  /// Case-insensitive; the first of that name.
  std::optional<std::string_view> header(std::string_view name) const;
};

struct response {
  int status = 204;
  header_list headers = {};
  std::string body = {};
};

/// An open answer that is written piece by piece (SSE). Any thread.
class stream {
public:
  virtual ~stream() = default;
  /// False when the client is gone or has more than the unsent-bytes limit
  /// waiting; the stream is then closed and nothing more is taken.
  virtual bool write(std::string chunk) = 0;
  virtual void close() = 0;
  virtual bool is_open() const = 0;
};

/// An upgraded connection. Any thread; frames are sent in the order of calls.
class websocket {
public:
  virtual ~websocket() = default;
  /// The payload is shared, not copied, between sockets. False when the socket
  /// is closing or over its unsent-bytes limit (it is then killed).
  virtual bool send(std::shared_ptr<const std::string> text) = 0;
  virtual bool ping() = 0;
  /// A close frame after what is queued; nothing is sent after it.
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
  /// Ends the TCP connection now.
  virtual void kill() = 0;
  virtual bool is_open() const = 0;
};

/// Called on the I/O thread. Must not block.
struct websocket_events {
  std::function<void(std::string text)> on_text;
  std::function<void()> on_pong;
  /// Once, whoever ended it; the code is 1006 without a close frame.
  std::function<void(std::uint16_t code)> on_closed;
};

/// Held by whoever will answer; answered once, from any thread. Dropping the
/// last reference without an answer answers 500.
class exchange {
public:
  virtual ~exchange() = default;
  virtual const request& req() const = 0;
  /// Further calls are ignored. The request id, CORS and Date headers are
  /// added on the way out.
  virtual void reply(response answer) = 0;
  /// A chunked answer with these headers; null when already answered.
  virtual std::shared_ptr<stream> start_stream(response head) = 0;
  /// Accepts a websocket upgrade; null when the request is none (answer 426).
  virtual std::shared_ptr<websocket> upgrade(websocket_events events) = 0;
};

using exchange_ptr = std::shared_ptr<exchange>;

/// Runs on the I/O thread and must not block; it may keep the exchange and
/// answer later. An exception out of it is answered 500.
using handler = std::function<void(exchange_ptr)>;

enum class access {
  bearer, ///< needs the node token
  open,   ///< health probes and routes with a token of their own
};

/// One line of the route table. `pattern` is a path whose segments may be
/// `:name`; matching is exact, segment by segment, on the raw path, and the
/// parameters are percent-decoded.
struct route {
  std::string_view method;
  std::string_view pattern;
  access needs;
  handler run;
};

} // namespace alula::http
