/// Reads requests before the HTTP library does and says when one breaks a
/// limit, so that it can be answered: the library would only cut. Uses the same
/// parser as the library, so both always agree where a message ends.
#pragma once

#include "jobs/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  /// The body of such a request, if it has one, does not go into memory: its
  /// head is answered or its body taken over. Asked when the target is known.
  virtual bool is_streamed(std::string_view method,
                           std::string_view target) const {
    (void)method, (void)target;
    return false;
  }
  /// Claims memory for a body; false when all bodies together are too many.
  virtual bool reserve(std::size_t bytes) = 0;
  virtual void release(std::size_t bytes) = 0;
};

/// The head of a request whose body is not read with it.
struct streamed_head {
  std::string method;
  std::string target;                                      ///< as sent
  std::vector<std::pair<std::string, std::string>> fields; ///< as sent
  std::int64_t length = -1; ///< of the body; -1: it comes in chunks
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
  /// Of the message that is being read, as far as it was read.
  std::string_view target() const;
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

  // -- a body that is not read with its head --------------------------------

  /// True from the end of such a head on.
  bool is_streamed() const;
  /// Once.
  streamed_head take_head();
  /// The bytes of the body in what was fed last, without the frames of chunks;
  /// valid as long as those are and until the next call of feed.
  std::string_view take_piece();
  /// Forgets the message and gives its memory claim back.
  void next();

private:
  struct reading;
  std::unique_ptr<reading> reading_;
};

} // namespace alula::http
