#include "http/connection.hpp"

#include <algorithm>
#include <cstring>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <utility>

namespace alula::http {

namespace {

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

// -- writing ------------------------------------------------------------------

void connection::begin_writing() {
  is_writing_ = true;
  if (write_deadline_ == clock::time_point::max())
    watch_pace();
}

void connection::watch_pace() {
  taken_ = 0;
  unsent_ = count_unsent();
  write_deadline_ = clock::now() + limits_.writing;
}

/// What the client has acknowledged counts: the kernel's buffer alone takes
/// megabytes, and says nothing before a third of it is free again. A client
/// that takes a byte now and then makes no progress.
bool connection::keeps_pace() {
  return taken_ + unsent_ >= count_unsent() + limits_.writing_pace;
}

std::size_t connection::count_unsent() {
  int bytes = 0;
  if (::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) != 0)
    return 0;
  return static_cast<std::size_t>(bytes);
}

void connection::taken(std::size_t size) {
  is_writing_ = false;
  taken_ += size;
}

void connection::write_next() {
  if (is_writing_)
    return;
  write_deadline_ = clock::time_point::max();
  if (waiting_.empty())
    return;
  const auto next = std::move(waiting_.front());
  waiting_.pop_front();
  next({});
}

void connection::say(std::string_view bytes, completion done) {
  if (is_writing_) {
    waiting_.push_back([self = shared_from_this(), bytes,
                        done = std::move(done)](const std::error_code& ec) {
      if (ec)
        done(ec, 0);
      else
        self->say(bytes, done);
    });
    return;
  }
  begin_writing();
  auto said = [self = shared_from_this(), done = std::move(done)](
                  const std::error_code& ec, std::size_t size) {
    self->taken(size);
    done(ec, size);
    self->write_next();
  };
  const auto all = asio::buffer(bytes.data(), bytes.size());
  if (tls_)
    asio::async_write(*tls_, all, std::move(said));
  else
    asio::async_write(socket_, all, std::move(said));
}

// -- reading ------------------------------------------------------------------

void connection::async_read(asio::mutable_buffer into, completion done) {
  wanted_ = into;
  reader_ = std::move(done);
  if (!is_open()) {
    complete_later(asio::error::operation_aborted);
    return;
  }
  // The library begins to read when it begins to write its last bytes. With a
  // large body that is early: the end of the input would cut it off.
  if (tenant_ && tenant_->is_sending()) {
    parked_ = std::exchange(reader_, nullptr);
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

void connection::resume_reading() {
  if (parked_)
    async_read(wanted_, std::exchange(parked_, nullptr));
}

void connection::start_read() {
  if (reading_ || input_over_ || phase_ == phase::ended)
    return;
  reading_ = true;
  auto done = [self = shared_from_this()](const std::error_code& ec,
                                          std::size_t size) {
    self->after_read(ec, size);
  };
  const auto into = upload_buffer_.empty() ? asio::buffer(buffer_)
                                           : asio::buffer(upload_buffer_);
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
  if (phase_ == phase::upload)
    pump();
  else
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
  if (guard_.is_streamed()) {
    held_from_ += used;
    take_over();
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
  say(continue_line, [](const std::error_code&, std::size_t) {});
}

void connection::complete_later(const std::error_code& ec) {
  if (!reader_)
    reader_ = std::exchange(parked_, nullptr);
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
  if (phase_ == phase::refusing || phase_ == phase::upload) {
    end();
  } else if (reader_) {
    std::exchange(reader_, nullptr)(input_error_, 0);
  } else if (half_closed && tenant_ && tenant_->survives_half_close()) {
    // Once it is answered, its pace alone counts.
    if (deadline_ != clock::time_point::max())
      deadline_ = std::min(deadline_, clock::now() + limits_.half_closed);
    if (fetching_)
      wait_for_disk();
  } else {
    end();
  }
}

} // namespace alula::http
