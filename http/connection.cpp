#include "http/connection.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace alula::http {

namespace {

/// A refused client may still be sending; closing at once would reset the
/// connection and take the answer with it. Beyond this much it is cut.
constexpr std::size_t max_discarded = 64 * 1'024 * 1'024;

constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace

connection::connection(asio::ip::tcp::socket socket,
                       std::shared_ptr<asio::ssl::context> context,
                       const connection_limits& limits, connection_host& host)
  : socket_(std::move(socket)), context_(std::move(context)), limits_(limits),
    host_(host), guard_(limits.message, host) {
  if (context_)
    tls_ = std::make_unique<tls_stream>(socket_, *context_);
  deadline_ = clock::now() + limits_.handshake;
}

void connection::enter(phase next, std::chrono::milliseconds limit) {
  phase_ = next;
  deadline_ = limit == std::chrono::milliseconds::max()
                  ? clock::time_point::max()
                  : clock::now() + limit;
  if (next == phase::idle)
    host_.became_idle(*this);
  else if (is_silent && is_worth_keeping())
    host_.became_busy(*this);
}

/// A stranger who is still sending can be sent away when the door is full.
bool connection::is_worth_keeping() const {
  if (phase_ == phase::body)
    return guard_.is_trusted();
  return phase_ > phase::body && phase_ != phase::ended;
}

void connection::handshake(std::function<void(const std::error_code&)> done) {
  tls_->async_handshake(asio::ssl::stream_base::server,
                        [self = shared_from_this(), done = std::move(done)](
                            const std::error_code& ec) { done(ec); });
}

// -- reading ------------------------------------------------------------------

void connection::async_read(asio::mutable_buffer into, completion done) {
  wanted_ = into;
  reader_ = std::move(done);
  if (!is_open()) {
    complete_later(asio::error::operation_aborted);
    return;
  }
  // The library reads on: the last message is done with.
  if (guard_.now() == message_guard::phase::complete && !frames_) {
    tenant_.reset();
    guard_.next();
    enter(phase::idle, limits_.idle);
  } else if (phase_ == phase::handshake) {
    enter(phase::idle, limits_.head);
  }
  if (held_to_ > held_from_)
    // Never from inside the call: the library does not expect it.
    asio::post(socket_.get_executor(),
               [self = shared_from_this()] { self->deliver(); });
  else if (input_over_)
    complete_later(input_error_);
  else
    start_read();
}

void connection::start_read() {
  if (reading_ || input_over_ || phase_ == phase::ended)
    return;
  reading_ = true;
  auto done = [self = shared_from_this()](const std::error_code& ec,
                                          std::size_t size) {
    self->after_read(ec, size);
  };
  const auto into = asio::buffer(buffer_);
  if (tls_)
    tls_->async_read_some(into, std::move(done));
  else
    socket_.async_read_some(into, std::move(done));
}

void connection::after_read(const std::error_code& ec, std::size_t size) {
  reading_ = false;
  if (phase_ == phase::ended)
    return;
  if (ec) {
    input_over_ = true;
    input_error_ = ec;
    input_ended();
    return;
  }
  if (phase_ == phase::refusing) {
    discarded_ += size;
    discard();
    return;
  }
  held_from_ = 0;
  held_to_ = size;
  deliver();
}

void connection::deliver() {
  if (!reader_ || held_to_ == held_from_ || !is_open())
    return;
  const std::string_view bytes{buffer_.data() + held_from_,
                               held_to_ - held_from_};
  if (frames_)
    deliver_frames(bytes.substr(0, wanted_.size()));
  else
    deliver_message(bytes.substr(0, wanted_.size()));
}

void connection::deliver_message(std::string_view bytes) {
  const auto used = guard_.feed(bytes);
  if (guard_.now() == message_guard::phase::broken) {
    refuse(guard_.why());
    return;
  }
  follow_message();
  hand_over(used);
}

void connection::deliver_frames(std::string_view bytes) {
  const auto used = frames_->feed(bytes, clock::now());
  if (frames_->violation() == 0) {
    hand_over(used);
    return;
  }
  // The library keeps waiting for a header that never becomes whole; the
  // tenant's last word passes through it, and the rest is thrown away.
  if (tenant_)
    tenant_->frame_refused(frames_->violation());
  enter(phase::refusing, limits_.linger);
  discard();
}

void connection::hand_over(std::size_t size) {
  std::memcpy(wanted_.data(), buffer_.data() + held_from_, size);
  held_from_ += size;
  // While a request is worked on the door reads ahead, to see the client go.
  if (phase_ == phase::handling && held_from_ == held_to_)
    start_read();
  std::exchange(reader_, nullptr)({}, size);
}

/// Moves on with the message: each part of it has its own time.
void connection::follow_message() {
  switch (guard_.now()) {
  case message_guard::phase::head:
    if (phase_ == phase::idle)
      enter(phase::head, limits_.head);
    break;
  case message_guard::phase::body:
    if (phase_ != phase::body)
      enter(phase::body, limits_.body);
    if (guard_.take_continue())
      send_continue();
    break;
  case message_guard::phase::complete:
    enter(phase::handling, limits_.handling);
    break;
  default:
    break;
  }
}

void connection::send_continue() {
  auto done = [self = shared_from_this()](const std::error_code&, std::size_t) {
  };
  const auto line = asio::buffer(continue_line.data(), continue_line.size());
  if (tls_)
    asio::async_write(*tls_, line, std::move(done));
  else
    asio::async_write(socket_, line, std::move(done));
}

void connection::complete_later(const std::error_code& ec) {
  if (!reader_)
    return;
  asio::post(socket_.get_executor(),
             [done = std::exchange(reader_, nullptr), ec] { done(ec, 0); });
}

void connection::cancel_read() {
  complete_later(asio::error::operation_aborted);
}

/// The client sends nothing more, or is gone.
void connection::input_ended() {
  const bool half_closed = input_error_ == asio::error::eof;
  if (phase_ == phase::refusing) {
    end();
  } else if (reader_) {
    std::exchange(reader_, nullptr)(input_error_, 0);
  } else if (half_closed && tenant_ && tenant_->survives_half_close()) {
    deadline_ = std::min(deadline_, clock::now() + limits_.half_closed);
  } else {
    end();
  }
}

// -- ending -------------------------------------------------------------------

void connection::refuse(const jobs::fault& why, std::optional<int> status) {
  refusal_ = host_.write_refusal(why, status);
  enter(phase::refusing, limits_.linger);
  complete_later(asio::error::operation_aborted);
  auto sent = [self = shared_from_this()](const std::error_code& ec,
                                          std::size_t) {
    if (ec || self->phase_ == phase::ended) {
      self->end();
      return;
    }
    std::error_code ignored;
    self->socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    self->discard();
  };
  if (tls_)
    asio::async_write(*tls_, asio::buffer(refusal_), std::move(sent));
  else
    asio::async_write(socket_, asio::buffer(refusal_), std::move(sent));
}

void connection::discard() {
  if (input_over_ || discarded_ > max_discarded)
    end();
  else
    start_read();
}

void connection::release() {
  if (phase_ != phase::refusing)
    end();
}

void connection::end() {
  if (phase_ == phase::ended)
    return;
  const auto self = shared_from_this();
  enter(phase::ended, std::chrono::milliseconds::max());
  std::error_code ignored;
  socket_.close(ignored);
  complete_later(asio::error::operation_aborted);
  if (auto gone = std::exchange(tenant_, nullptr))
    gone->connection_ended();
  host_.ended(*this);
}

void connection::end_after(std::chrono::milliseconds limit) {
  deadline_ = std::min(deadline_, clock::now() + limit);
}

void connection::answered() {
  deadline_ = clock::time_point::max();
}

void connection::become_websocket() {
  frames_.emplace(limits_.frame, clock::now());
  enter(phase::websocket, std::chrono::milliseconds::max());
}

void connection::check(clock::time_point now) {
  if (!is_due(now))
    return;
  deadline_ = clock::time_point::max();
  switch (phase_) {
  case phase::head:
  case phase::body:
    refuse({jobs::fault_code::timed_out,
            phase_ == phase::head ? "the request's head took too long"
                                  : "the request's body took too long"},
           408);
    break;
  case phase::handling:
    if (tenant_ && !input_over_)
      tenant_->deadline_passed();
    else
      end();
    break;
  default:
    end();
  }
}

} // namespace alula::http
