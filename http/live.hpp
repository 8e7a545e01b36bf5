/// What a visit shares with the stream or websocket that other threads hold:
/// the bytes on their way, counted, and whether more are taken.
#pragma once

#include "http/exchange.hpp"
#include "jobs/log.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::http {

/// Any thread.
class stream_state {
public:
  explicit stream_state(std::size_t unsent_limit) : limit_(unsent_limit) {}

  enum class taken {
    refused,  ///< the stream is closed
    overflow, ///< it is closed now: the client is too slow
    first,    ///< taken; somebody has to flush
    queued    ///< taken; a flush is on its way
  };
  taken write(std::string_view chunk);
  bool is_open() const;
  /// True for the call that closed it.
  bool end();

  // -- the visit's side -------------------------------------------------------

  /// The chunks so far as wire bytes, and their payload's size.
  std::pair<std::string, std::size_t> take();
  /// `ok` false: the client is gone.
  void sent(std::size_t size, bool ok);

private:
  mutable std::mutex mutex_;
  const std::size_t limit_;
  std::string queue_;
  std::size_t queued_ = 0, unsent_ = 0;
  bool open_ = true, flush_due_ = false;
};

/// Any thread; the *_came functions and end() on the I/O thread.
class socket_state {
public:
  struct item {
    enum class kinds { message, ping, close } kind;
    std::shared_ptr<const std::string> text; ///< or the reason of a close
    std::uint16_t code = 0;
  };

  socket_state(std::size_t unsent_limit, websocket_events events)
    : limit_(unsent_limit), events_(std::move(events)) {}

  enum class taken { refused, overflow, first, queued };
  taken push(item next);
  bool is_open() const;

  // -- the visit's side -------------------------------------------------------

  std::vector<item> take();
  void sent(std::size_t size);
  void refuse_sends();
  void text_came(std::string text);
  void pong_came();
  /// Tells on_closed, once.
  void end(std::uint16_t code);

private:
  mutable std::mutex mutex_;
  const std::size_t limit_;
  std::vector<item> queue_;
  std::size_t unsent_ = 0;
  bool open_ = true, flush_due_ = false;
  websocket_events events_;       ///< I/O thread only
  const jobs::log_context whose_; ///< of the request, also in the callbacks
  bool told_ = false;
};

} // namespace alula::http
