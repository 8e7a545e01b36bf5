/// What the door needs from an HTTP library: the way back of one request, and
/// the frames of one websocket. http/restinio_bridge.cpp has them on RESTinio.
/// Everything runs on the I/O thread.
#pragma once

#include "http/exchange.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace alula::http {

/// True when the bytes were given to the kernel.
using sent_callback = std::function<void(bool)>;

class frame_line {
public:
  virtual ~frame_line() = default;
  virtual void send_text(std::shared_ptr<const std::string> payload,
                         sent_callback sent) = 0;
  virtual void send_ping() = 0;
  virtual void send_pong(std::string payload) = 0;
  /// The last frame.
  virtual void send_close(std::uint16_t code, std::string_view reason) = 0;
};

/// What comes in on a websocket, after unmasking and UTF-8 checks.
struct frame_events {
  std::function<void(std::string payload, bool last)> on_text;
  std::function<void(std::string payload)> on_ping;
  std::function<void()> on_pong;
  /// A close frame came (and was echoed), or the library gave up.
  std::function<void(std::uint16_t code)> on_close;
};

class line {
public:
  virtual ~line() = default;
  /// Sends the next bytes of the answer; after the last ones the connection
  /// goes on to the next request or is closed.
  virtual void send(std::string bytes, bool last, bool keep_alive,
                    sent_callback sent) = 0;
  /// Sends a head and a stretch of a file, the whole rest of the answer. Keeps
  /// the file until it is sent or the connection is gone.
  virtual void send_file(std::string head,
                         std::shared_ptr<const file_slice> file,
                         bool keep_alive, sent_callback sent) = 0;
  /// Null when the connection is gone already.
  virtual std::unique_ptr<frame_line> upgrade(std::string_view request_id,
                                              frame_events events) = 0;
};

} // namespace alula::http
