/// Reads requests before the HTTP library does and says when one breaks a
/// limit, so that it can be answered: the library would only cut. Uses the same
/// parser as the library, so both always agree where a message ends.
#pragma once

#include "jobs/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace alula::http {

struct message_limits {
  std::size_t url = 8'000;       ///< bytes of the request target
  std::size_t head = 64 * 1'024; ///< bytes up to the empty line
  std::size_t fields = 100;      ///< header lines
  std::size_t body = 8 * 1'024 * 1'024;
  std::size_t open_body = 64 * 1'024; ///< of a request without a good bearer
};

/// What the guard asks about a body before it is read.
class body_policy {
public:
  virtual ~body_policy() = default;
  virtual bool is_trusted(std::string_view authorization) const = 0;
  /// Claims memory for a body; false when all bodies together are too many.
  virtual bool reserve(std::size_t bytes) = 0;
  virtual void release(std::size_t bytes) = 0;
};

class message_guard {
public:
  message_guard(const message_limits& limits, body_policy& policy);
  ~message_guard();
  message_guard(const message_guard&) = delete;
  message_guard& operator=(const message_guard&) = delete;

  enum class phase {
    idle,     ///< nothing of a message was seen yet
    head,     ///< inside the request line or the fields
    body,     ///< inside the body
    complete, ///< the message has ended; call next() before feeding on
    broken    ///< see why()
  };

  /// Looks at `bytes` and returns how many belong to the current message: what
  /// follows belongs to the next one. In `broken` none of them may be used.
  std::size_t feed(std::string_view bytes);
  phase now() const;
  /// Valid in `broken`: malformed, uri_too_long, headers_too_large,
  /// body_too_large, rate_limited (no memory for the body).
  const jobs::fault& why() const;

  /// Inside a body: its request came with a good bearer.
  bool is_trusted() const;
  /// True once when the client waits for 100 Continue (RFC 9110, 10.1.1).
  bool take_continue();
  /// The complete message asks for another protocol, or is a CONNECT.
  bool is_upgrade() const;
  /// The complete message says HTTP/1.1, not 1.0.
  bool is_1_1() const;

  /// Forgets the message and gives its memory claim back.
  void next();

private:
  struct reading;
  std::unique_ptr<reading> reading_;
};

} // namespace alula::http
