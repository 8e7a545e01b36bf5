/// One TCP connection as the door sees it: reads every byte before the HTTP
/// library does, so that limits are answered instead of cut, deadlines hold,
/// and a client that vanishes is noticed while nobody is reading.
///
/// Everything here runs on the I/O thread.
#pragma once

#include "http/frame_guard.hpp"
#include "http/message_guard.hpp"

#include <asio/ssl.hpp>

#include <array>
#include <asio.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace alula::http {

struct connection_limits {
  message_limits message;
  frame_limits frame;
  std::chrono::milliseconds handshake{10'000};
  std::chrono::milliseconds idle{75'000};     ///< between two requests
  std::chrono::milliseconds head{10'000};     ///< first byte to empty line
  std::chrono::milliseconds body{60'000};     ///< empty line to last byte
  std::chrono::milliseconds handling{75'000}; ///< request to first answer byte
  std::chrono::milliseconds writing{30'000};  ///< one piece of an answer
  std::chrono::milliseconds half_closed{15'000}; ///< client sent FIN, waits
  std::chrono::milliseconds linger{2'000};       ///< after a refusal
};

/// What uses the connection beyond reading: an open request, a stream, a
/// websocket. Never called again after connection_ended().
class tenant {
public:
  virtual ~tenant() = default;
  /// The TCP connection is gone, whoever ended it.
  virtual void connection_ended() = 0;
  /// The request was not answered in time.
  virtual void deadline_passed() = 0;
  /// A frame broke a rule; nothing more will be read. The tenant says so to
  /// the peer and ends the connection.
  virtual void frame_refused(std::uint16_t close_code) = 0;
  /// The client will send nothing more. False: it is not worth waiting for.
  virtual bool survives_half_close() const = 0;
};

class connection;

/// The listener, for its connections.
class connection_host : public body_policy {
public:
  /// The bytes that tell the client why it is refused, connection close
  /// included.
  virtual std::string write_refusal(const jobs::fault& why,
                                    std::optional<int> status) = 0;
  /// It waits for its next request.
  virtual void became_idle(connection& which) = 0;
  /// It has brought a whole head: from here on it is not closed to make room.
  virtual void became_busy(connection& which) = 0;
  virtual void ended(connection& which) = 0;
};

class connection : public std::enable_shared_from_this<connection> {
public:
  using clock = std::chrono::steady_clock;
  using completion = std::function<void(const std::error_code&, std::size_t)>;
  using tls_stream = asio::ssl::stream<asio::ip::tcp::socket&>;

  /// With a context the connection speaks TLS.
  connection(asio::ip::tcp::socket socket,
             std::shared_ptr<asio::ssl::context> context,
             const connection_limits& limits, connection_host& host);

  // -- for guarded_socket -----------------------------------------------------

  bool is_tls() const { return tls_ != nullptr; }
  void handshake(std::function<void(const std::error_code&)> done);
  /// One reader at a time.
  void async_read(asio::mutable_buffer into, completion done);
  template<class Buffers, class Done>
  void async_write(const Buffers& buffers, Done&& done) {
    if (tls_)
      tls_->async_write_some(buffers, std::forward<Done>(done));
    else
      socket_.async_write_some(buffers, std::forward<Done>(done));
  }
  /// The reader gets operation_aborted.
  void cancel_read();
  /// The library is done with the connection; a refusal under way still
  /// reaches the client.
  void release();
  bool is_open() const { return phase_ < phase::refusing; }
  asio::ip::tcp::socket& socket() { return socket_; }

  // -- for the bridge ---------------------------------------------------------

  /// From now on `who` is told what happens, until it is replaced.
  void let(std::shared_ptr<tenant> who) { tenant_ = std::move(who); }
  tenant* current() const { return tenant_.get(); }
  /// The request is answered: the deadline no longer counts.
  void answered();
  /// What is read from now on are frames.
  void become_websocket();
  bool is_upgrade() const { return guard_.is_upgrade(); }
  bool is_1_1() const { return guard_.is_1_1(); }
  bool saw_close_frame() const { return frames_ && frames_->saw_close(); }
  /// Ends the connection if it still lives then.
  void end_after(std::chrono::milliseconds limit);
  /// Ends the TCP connection now.
  void end();

  // -- for the listener -------------------------------------------------------

  /// Ends the connection or refuses its request when a deadline has passed.
  void check(clock::time_point now);
  /// Between two requests: may be closed without taking anything away.
  bool is_idle() const { return phase_ == phase::idle; }
  bool is_due(clock::time_point now) const { return now >= deadline_; }

  std::uint64_t id = 0;
  std::string remote;
  std::list<connection*>::iterator place; ///< in a list of the host
  bool is_silent = true;                  ///< which list

private:
  enum class phase {
    handshake,
    idle,
    head,
    body,
    handling,
    websocket,
    refusing, ///< the answer is on its way, the rest of the input is discarded
    ended
  };

  bool is_worth_keeping() const;
  void start_read();
  void after_read(const std::error_code& ec, std::size_t size);
  void deliver();
  void deliver_message(std::string_view bytes);
  void deliver_frames(std::string_view bytes);
  void hand_over(std::size_t size);
  void complete_later(const std::error_code& ec);
  void input_ended();
  void follow_message();
  void send_continue();
  void refuse(const jobs::fault& why, std::optional<int> status = {});
  void discard();
  void enter(phase next, std::chrono::milliseconds limit);

  asio::ip::tcp::socket socket_;
  std::shared_ptr<asio::ssl::context> context_;
  std::unique_ptr<tls_stream> tls_;
  const connection_limits& limits_;
  connection_host& host_;
  message_guard guard_;
  std::optional<frame_guard> frames_;
  std::shared_ptr<tenant> tenant_;

  phase phase_ = phase::handshake;
  clock::time_point deadline_ = clock::time_point::max();

  asio::mutable_buffer wanted_;
  completion reader_;
  bool reading_ = false, delivering_ = false, input_over_ = false;
  std::error_code input_error_;
  std::string refusal_;
  std::size_t discarded_ = 0;

  /// As large as the library's buffer, so that what was read always fits.
  std::array<char, 4'096> buffer_;
  std::size_t held_from_ = 0, held_to_ = 0;

public:
  static constexpr std::size_t buffer_size = 4'096;
};

} // namespace alula::http
