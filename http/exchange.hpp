/// One request and the ways to answer it, without a RESTinio type in sight:
/// handlers are written, and tested, against this. http/server.cpp implements
/// it on RESTinio; tests/doubles/ on nothing.
#pragma once

#include "jobs/body_pipe.hpp"
#include "jobs/principal.hpp"
#include "jobs/result.hpp"

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

/// What a request's `Authorization` came to.
enum class credential {
  good,         ///< `who` is set
  missing,      ///< no such header
  other_scheme, ///< neither Bearer nor Basic
  empty,        ///< the scheme and nothing behind it
  undecodable,  ///< Basic with broken base64
  unsplittable, ///< Basic without a colon
  unknown,      ///< well formed, and nobody's; expired and revoked ones too
};

struct request {
  std::string method; ///< upper case
  std::string path;   ///< as sent, without the query, not decoded
  std::vector<std::pair<std::string, std::string>>
      params; ///< of the route, decoded
  std::vector<std::pair<std::string, std::string>> query; ///< decoded
  header_list headers;
  std::string body;
  /// Announced by the head of a request whose body has not been read, see
  /// exchange::take_body; -1: in chunks, of an unknown length. Nothing: the
  /// body is above, all of it.
  std::optional<std::int64_t> body_length = std::nullopt;
  std::string request_id;  ///< fresh per request, never the client's
  std::string remote;      ///< the peer's address
  jobs::principal_ptr who; ///< null: nobody known, see `proof`
  credential proof = credential::missing;

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

/// A stretch of an open file. Whoever sends it lets go of `hold`, which keeps
/// the descriptor open, when the last byte is with the kernel or the client is
/// gone: on any thread but the I/O thread, as the last close may wait for a
/// disk.
struct file_slice {
  int descriptor = -1;
  std::int64_t offset = 0;
  std::int64_t length = 0;
  std::shared_ptr<void> hold;
};

/// A body that is made piece by piece, as fast as the client takes it.
class body_source {
public:
  virtual ~body_source() = default;
  /// Asked for the next piece when the one before is with the kernel; `give`
  /// is called once, from any thread, also from inside. A fault, an empty piece
  /// or one too many bytes cut the connection: the length was promised. Called
  /// on the I/O thread, must not block.
  virtual void pull(std::function<void(jobs::result<std::string>)> give) = 0;
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
  /// An answer of `file.length` bytes. The head's own body is not sent; HEAD
  /// gets the length alone.
  virtual void reply_file(response head, file_slice file) = 0;
  /// The same with a body of `length` bytes from a source, which is let go of
  /// when it has given all of it or the client is gone.
  virtual void reply_pulled(response head, std::int64_t length,
                            std::shared_ptr<body_source> from) = 0;
  /// Has the unread body of the request go into the pipe as fast as that is
  /// read, and the pipe told how it ends. Once, before the answer. False when
  /// there is none to take: it came with the request, or the client is gone.
  virtual bool take_body(std::shared_ptr<jobs::body_pipe> into) = 0;
  /// What the request turned out to be about, where its path does not say it.
  /// Before the answer.
  virtual void is_about(const jobs::access_object& what) { (void)what; }
  /// A chunked answer with these headers; null when already answered.
  virtual std::shared_ptr<stream> start_stream(response head) = 0;
  /// Accepts a websocket upgrade; null when the request is none (answer 426).
  virtual std::shared_ptr<websocket> upgrade(websocket_events events) = 0;
};

using exchange_ptr = std::shared_ptr<exchange>;

/// Runs on the I/O thread and must not block; it may keep the exchange and
/// answer later. An exception out of it is answered 500.
using handler = std::function<void(exchange_ptr)>;

/// Who may come in by a route: whoever has a permission, or everybody.
class access {
public:
  static const access open;   ///< probes and routes with a token of their own
  static const access bearer; ///< whoever is known: `permission::known`

  constexpr access(jobs::permission needs) : needs_(needs) {}
  constexpr bool is_open() const { return !needs_; }
  /// Not for open ones.
  constexpr jobs::permission permission() const { return *needs_; }
  friend constexpr bool operator==(const access&, const access&) = default;

private:
  constexpr access() = default;
  std::optional<jobs::permission> needs_;
};

inline constexpr access access::open{};
inline constexpr access access::bearer{jobs::permission::known};

/// Makes the answer to a request that may not come in, of a contract with
/// shapes of its own. `why.code`: unauthorized, rate_limited, forbidden (the
/// permission is missing) or server_not_found (the object is out of reach).
using refusal = std::function<response(const request&, const jobs::fault& why)>;

/// One line of the route table. `pattern` is a path whose segments may be
/// `:name`; matching is exact, segment by segment, on the raw path, and the
/// parameters are percent-decoded.
///
/// The door lets nobody in without the permission. A `:server` parameter out of
/// the principal's scope is answered as a server that does not exist; a
/// permission over the node (read:node, manage:node, manage:access) needs a
/// scope of everything. What else a route is about, its handler checks
/// (http/scopes.hpp).
struct route {
  std::string_view method;
  std::string_view pattern;
  access needs;
  handler run;
  refusal deny = {}; ///< null: problem+json
  /// Its handler takes the body (exchange::take_body): it is called when the
  /// head has been read, and the connection is closed behind the answer.
  bool streams_body = false;
  /// Calls of one principal come at a limited rate (door_limits::keyed_…), all
  /// such routes together; not the Panel's.
  bool is_metered = false;
};

} // namespace alula::http
