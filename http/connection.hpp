/// One TCP connection as the door sees it: reads every byte before the HTTP
/// library does, so that limits are answered instead of cut, deadlines hold,
/// and a client that vanishes is noticed while nobody is reading.
///
/// Everything here runs on the I/O thread.
#pragma once

#include "http/disk_reads.hpp"
#include "http/frame_guard.hpp"
#include "http/message_guard.hpp"
#include "jobs/body_pipe.hpp"

#include <asio/ssl.hpp>

#include <array>
#include <asio.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace alula::http {

struct connection_limits {
  message_limits message;
  frame_limits frame;
  std::chrono::milliseconds handshake{10'000};
  std::chrono::milliseconds idle{75'000}; ///< between two requests
  std::chrono::milliseconds head{10'000}; ///< first byte to empty line
  std::chrono::milliseconds body{60'000}; ///< empty line to last byte
  /// Bytes that a body on its way into a pipe brings in each `body`, or its
  /// end.
  std::size_t streamed_pace = 16 * 1'024 * 60;
  std::chrono::milliseconds handling{75'000}; ///< request to first answer byte
  /// In which the client takes `writing_pace` bytes, or all there is.
  std::chrono::milliseconds writing{30'000};
  std::size_t writing_pace = 16 * 1'024;
  /// The client sent FIN, and waits; also for each piece of a file that the
  /// disk is waited for.
  std::chrono::milliseconds half_closed{15'000};
  std::chrono::milliseconds linger{2'000}; ///< after a refusal
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
  /// A large body is on its way: the library may read on when it has gone.
  virtual bool is_sending() const = 0;
};

class connection;

/// The listener, for its connections.
class connection_host : public body_policy {
public:
  /// The bytes that tell the client why it is refused, connection close
  /// included.
  /// `target`: of the request, as far as it was read.
  virtual std::string write_refusal(const jobs::fault& why,
                                    std::optional<int> status,
                                    std::string_view target) = 0;
  /// The head of a request whose body goes past the library is there; the
  /// library has been let go of. Somebody answers by answer_last().
  virtual void head_came(connection& which, streamed_head head) = 0;
  /// It waits for its next request.
  virtual void became_idle(connection& which) = 0;
  /// It has brought a whole head: from here on it is not closed to make room.
  virtual void became_busy(connection& which) = 0;
  virtual void ended(connection& which) = 0;
  /// As disk_reads::run().
  virtual bool read_beside(disk_read what) = 0;
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
  /// One writer at a time; what the connection itself says is waited for.
  template<class Buffers, class Done>
  void async_write(const Buffers& buffers, Done&& done) {
    if (!is_writing_) {
      write_some(buffers, std::forward<Done>(done));
      return;
    }
    waiting_.push_back([this, buffers, done = std::forward<Done>(done)](
                           const std::error_code& ec) mutable {
      if (ec)
        done(ec, std::size_t{0});
      else
        write_some(buffers, std::move(done));
    });
  }
  /// Sends what take_file() was given: out of the kernel's cache, by copying
  /// bounded pieces with TLS; what is not in there, or may have to be waited
  /// for all the same, is read beside the I/O thread, while the client's time
  /// stands still. `done` gets what was sent; eof when the file is shorter than
  /// that.
  void send_file(completion done);
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
  /// What send_file() sends next; kept until that is over.
  void take_file(std::shared_ptr<const file_slice> file);
  /// The tenant's large body has gone: the library may read on.
  void resume_reading();
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

  // -- for a request whose body goes past the library -------------------------

  /// Its body goes into the pipe from now on. False when it has ended.
  bool let_body_flow(std::shared_ptr<jobs::body_pipe> into);
  /// The pipe has room again, or nobody reads it any more.
  void go_on_reading();
  /// The answer; the connection is closed behind it, as the rest of the body
  /// may still be coming.
  void answer_last(std::string bytes);

  // -- for the listener -------------------------------------------------------

  /// Ends the connection or refuses its request when a deadline has passed.
  void check(clock::time_point now);
  /// Between two requests: may be closed without taking anything away.
  bool is_idle() const { return phase_ == phase::idle; }
  /// Who writes or waits to; of the writers one at a time has the socket.
  std::size_t writers() const {
    return waiting_.size() + (is_writing_ ? 1 : 0);
  }
  bool is_due(clock::time_point now) const {
    return now >= deadline_ || now >= write_deadline_;
  }

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
    upload, ///< the body of a request goes into a pipe, or will
    websocket,
    refusing, ///< the answer is on its way, the rest of the input is discarded
    ended
  };

  template<class Buffers, class Done>
  void write_some(const Buffers& buffers, Done&& done) {
    begin_writing();
    auto taken = [self = shared_from_this(), done = std::forward<Done>(done)](
                     const std::error_code& ec, std::size_t size) mutable {
      self->taken(size);
      done(ec, size);
      self->write_next();
    };
    if (tls_)
      tls_->async_write_some(buffers, std::move(taken));
    else
      socket_.async_write_some(buffers, std::move(taken));
  }
  void begin_writing();
  void taken(std::size_t size);
  void watch_pace();
  bool keeps_pace();
  /// By the kernel, or not acknowledged by the client.
  std::size_t count_unsent();
  void write_next();
  struct file_sending;
  using file_ptr = std::shared_ptr<file_sending>;
  void begin_file(const file_ptr& what);
  void send_next(const file_ptr& what);
  void push_file(const file_ptr& what);
  void fetch_piece(const file_ptr& what);
  void wait_for_disk();
  void piece_came(std::vector<char> bytes, const std::error_code& failed);
  void write_piece(const file_ptr& what);
  void cut_file(const file_ptr& what, const std::error_code& ec,
                std::string_view why);
  void end_file(const file_ptr& what, const std::error_code& ec);
  /// All of it, when nobody else is writing.
  void say(std::string_view bytes, completion done);
  void drop();

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
  void say_last(std::string bytes, std::chrono::milliseconds limit);
  void take_over();
  void pump();
  void drop_pipe();
  std::string_view held() const;
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
  clock::time_point write_deadline_ = clock::time_point::max();
  /// Since the pace is watched: bytes the kernel took; those it held before.
  std::size_t taken_ = 0, unsent_ = 0;
  bool is_writing_ = false;
  std::shared_ptr<const file_slice> file_; ///< not begun yet
  file_ptr fetching_;                      ///< whose next piece is being read
  /// Writers behind the present one; at most the library and two of ours. Each
  /// is told to begin, or why it cannot.
  std::deque<std::function<void(const std::error_code&)>> waiting_;

  asio::mutable_buffer wanted_;
  completion reader_;
  completion parked_; ///< a reader that waits for resume_reading()
  bool reading_ = false, delivering_ = false, input_over_ = false;
  std::error_code input_error_;
  std::string refusal_;
  std::size_t discarded_ = 0;

  std::shared_ptr<jobs::body_pipe> pipe_;
  /// Whose body is whole, and whose sender waits for the answer.
  std::weak_ptr<jobs::body_pipe> sent_;
  std::string_view piece_; ///< of the body, in the buffer, not pushed yet
  bool pipe_full_ = false;
  bool is_taken_over_ = false; ///< from the library
  std::size_t paced_ = 0;      ///< of the body, since its time was set
  /// Instead of the buffer below, while a body flows.
  std::vector<char> upload_buffer_;

  /// As large as the library's buffer, so that what was read always fits.
  std::array<char, 4'096> buffer_;
  std::size_t held_from_ = 0, held_to_ = 0;

public:
  static constexpr std::size_t buffer_size = 4'096;
};

} // namespace alula::http
