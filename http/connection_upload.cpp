// A request whose body goes past the HTTP library, which would keep all of it
// in memory: from the end of its head on the connection is ours. Whoever was
// asked takes the body into a pipe or does not, answers, and the connection
// ends.
#include "http/connection.hpp"

#include <cstring>
#include <utility>

namespace alula::http {

namespace {

/// One read of a body; with the pipe, all the memory an upload has here.
constexpr std::size_t upload_buffer_size = std::size_t{64} << 10;

} // namespace

std::string_view connection::held() const {
  const auto* from =
      upload_buffer_.empty() ? buffer_.data() : upload_buffer_.data();
  return {from + held_from_, held_to_ - held_from_};
}

/// The library has seen a part of the head at most and is told to stop; it lets
/// go of the socket, which release() then does not close.
void connection::take_over() {
  const auto self = shared_from_this();
  is_taken_over_ = true;
  piece_ = guard_.take_piece();
  enter(phase::upload, limits_.handling);
  complete_later(asio::error::operation_aborted);
  host_.head_came(*this, guard_.take_head());
}

bool connection::let_body_flow(std::shared_ptr<jobs::body_pipe> into) {
  if (phase_ != phase::upload || pipe_) {
    into->fail({jobs::fault_code::upload_failed,
                "the client is gone before its body was read"});
    return false;
  }
  pipe_ = std::move(into);
  paced_ = 0;
  enter(phase::upload, limits_.body);
  if (guard_.take_continue())
    send_continue();
  pump();
  return true;
}

/// From the buffer into the pipe, until one is empty or the other full.
void connection::pump() {
  const auto self = shared_from_this();
  // While the pipe was full the client had nothing to answer for.
  const bool was_full = deadline_ == clock::time_point::max();
  while (phase_ == phase::upload && pipe_) {
    if (!piece_.empty()) {
      paced_ += piece_.size();
      const auto outcome = pipe_->push(std::exchange(piece_, {}));
      // The client has done its part for now; the reader has its own clock.
      pipe_full_ = outcome == jobs::body_pipe::taken::full;
      if (outcome == jobs::body_pipe::taken::abandoned) {
        // Its step has failed: the answer says so, and needs no more of it.
        pipe_.reset();
        enter(phase::upload, limits_.handling);
        return;
      }
    }
    if (guard_.now() == message_guard::phase::complete) {
      sent_ = pipe_;
      std::exchange(pipe_, nullptr)->finish();
      enter(phase::handling, std::chrono::milliseconds::max());
      start_read(); // to see the client go
      return;
    }
    if (pipe_full_) {
      enter(phase::upload, std::chrono::milliseconds::max());
      return;
    }
    if (held_from_ < held_to_) {
      const auto used = guard_.feed(held());
      if (guard_.now() == message_guard::phase::broken) {
        refuse(guard_.why());
        return;
      }
      held_from_ += used;
      piece_ = guard_.take_piece();
      continue;
    }
    if (upload_buffer_.empty())
      upload_buffer_.resize(upload_buffer_size);
    // A client that sends a byte now and then makes no progress, and one that
    // is slower than the pace holds the place of a faster one.
    if (paced_ >= limits_.streamed_pace || was_full) {
      paced_ = 0;
      enter(phase::upload, limits_.body);
    }
    start_read();
    return;
  }
}

void connection::go_on_reading() {
  if (!std::exchange(pipe_full_, false) || phase_ != phase::upload)
    return;
  pump();
}

void connection::drop_pipe() {
  if (auto pipe = std::exchange(pipe_, nullptr)) {
    pipe->fail({jobs::fault_code::upload_failed,
                "the client was cut off before its body was whole"});
    pipe->hang_up();
  }
  piece_ = {};
}

void connection::answer_last(std::string bytes) {
  if (phase_ != phase::upload && phase_ != phase::handling)
    return;
  say_last(std::move(bytes), limits_.linger);
}

} // namespace alula::http
