// How a connection ends: by a refusal that still reaches the client, by a
// deadline, or because nobody needs it any more.
#include "http/connection.hpp"

#include <algorithm>
#include <utility>

namespace alula::http {

namespace {

/// A refused client may still be sending; closing at once would reset the
/// connection and take the answer with it. Beyond this much it is cut.
constexpr std::size_t max_discarded = 64 * 1'024 * 1'024;

} // namespace

void connection::refuse(const jobs::fault& why, std::optional<int> status) {
  say_last(host_.write_refusal(why, status, guard_.target()), limits_.linger);
}

void connection::say_last(std::string bytes, std::chrono::milliseconds limit) {
  refusal_ = std::move(bytes);
  drop_pipe();
  enter(phase::refusing, limit);
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
  say(refusal_, std::move(sent));
}

void connection::discard() {
  if (input_over_ || discarded_ > max_discarded)
    end();
  else
    start_read();
}

void connection::release() {
  // What is done past the library does not end with it, however late that is.
  if (phase_ != phase::refusing && !is_taken_over_)
    end();
}

void connection::end() {
  if (phase_ == phase::ended)
    return;
  const auto self = shared_from_this();
  enter(phase::ended, std::chrono::milliseconds::max());
  std::error_code ignored;
  drop_pipe();
  if (const auto sent = std::exchange(sent_, {}).lock())
    sent->hang_up();
  socket_.close(ignored);
  complete_later(asio::error::operation_aborted);
  write_deadline_ = clock::time_point::max();
  file_.reset();
  // Who reads its next piece may do so for ever.
  if (auto file = std::exchange(fetching_, nullptr))
    asio::post(socket_.get_executor(), [self, file] {
      self->end_file(file, asio::error::operation_aborted);
    });
  for (auto& writer : std::exchange(waiting_, {}))
    asio::post(socket_.get_executor(), [writer = std::move(writer)] {
      writer(asio::error::operation_aborted);
    });
  if (auto gone = std::exchange(tenant_, nullptr))
    gone->connection_ended();
  host_.ended(*this);
}

/// What was not sent yet is not kept either.
void connection::drop() {
  std::error_code ignored;
  socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
  end();
}

void connection::end_after(std::chrono::milliseconds limit) {
  deadline_ = std::min(deadline_, clock::now() + limit);
}

void connection::answered() {
  // Refused in its body and answered behind that: the refusal has its own time.
  if (is_open())
    deadline_ = clock::time_point::max();
}

void connection::become_websocket() {
  frames_.emplace(limits_.frame, clock::now());
  enter(phase::websocket, std::chrono::milliseconds::max());
}

void connection::check(clock::time_point now) {
  if (!is_due(now))
    return;
  if (now >= write_deadline_) {
    if (fetching_ || !keeps_pace()) {
      drop();
      return;
    }
    watch_pace();
    if (now < deadline_)
      return;
  }
  deadline_ = clock::time_point::max();
  switch (phase_) {
  case phase::head:
  case phase::body:
    refuse({jobs::fault_code::timed_out,
            phase_ == phase::head ? "the request's head took too long"
                                  : "the request's body took too long"},
           408);
    break;
  case phase::upload:
    // Nothing came for the time a body may take: what there is, is no backup.
    if (pipe_)
      refuse({jobs::fault_code::timed_out, "the request's body took too long"},
             408);
    else if (tenant_)
      tenant_->deadline_passed();
    else
      end();
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
