#include "http/visit.hpp"

#include "http/live.hpp"
#include "http/reply.hpp"
#include "http/wire.hpp"
#include "jobs/log.hpp"

#include <utility>
#include <vector>

namespace alula::http {

namespace {

constexpr std::uint16_t going_away = 1001, abnormal = 1006;

} // namespace

void visitors::dismiss_long_lived() {
  std::vector<std::weak_ptr<visit>> all;
  for (const auto& [id, who] : open_)
    all.push_back(who->weak_from_this());
  for (const auto& one : all)
    if (const auto who = one.lock())
      who->dismiss();
}

visit::visit(visitors& all, connection& on, std::unique_ptr<line> back,
             visit_facts facts)
  : all_(all), connection_(on), line_(std::move(back)),
    facts_(std::move(facts)), id_(all.add(*this)) {
  ++all_.pending;
}

visit::~visit() {
  leave_pending(stage::over);
  all_.remove(id_);
}

void visit::leave_pending(stage next) {
  if (now_ == stage::pending)
    --all_.pending;
  else if (now_ == stage::streaming)
    --all_.streams;
  else if (now_ == stage::websocket)
    --all_.websockets;
  else if (now_ == stage::sending)
    --all_.transfers;
  if (next == stage::streaming)
    ++all_.streams;
  else if (next == stage::websocket)
    ++all_.websockets;
  else if (next == stage::sending)
    ++all_.transfers;
  now_ = next;
}

// -- one answer ---------------------------------------------------------------

void visit::answer(const response& what) {
  if (now_ != stage::pending)
    return;
  const auto self = shared_from_this();
  leave_pending(stage::answered);
  wire_frame frame{facts_.request_id, facts_.extra_lines};
  frame.keep_alive = facts_.keep_alive && !all_.closing;
  frame.head_only = facts_.head_only;
  connection_.answered();
  line_->send(write_whole(what, frame), true, frame.keep_alive, {});
}

void visit::deadline_passed() {
  facts_.keep_alive = false;
  answer(problem(facts_.request_id,
                 {jobs::fault_code::timed_out,
                  "the answer to this request took too long; ask again"},
                 std::nullopt, facts_.path));
}

// -- a large body -------------------------------------------------------------

wire_frame visit::frame_of_body(std::int64_t length) const {
  wire_frame frame{facts_.request_id, facts_.extra_lines};
  frame.keep_alive = facts_.keep_alive && !all_.closing;
  frame.head_only = facts_.head_only;
  frame.length = length;
  return frame;
}

void visit::send_file(const response& head,
                      std::shared_ptr<const file_slice> file) {
  if (now_ != stage::pending)
    return;
  const auto self = shared_from_this();
  const auto frame = frame_of_body(file->length);
  connection_.answered();
  auto bytes = write_head(head, frame);
  if (frame.head_only || file->length == 0) {
    leave_pending(stage::answered);
    line_->send(std::move(bytes), true, frame.keep_alive, {});
    return;
  }
  leave_pending(stage::sending);
  line_->send_file(std::move(bytes), std::move(file), frame.keep_alive,
                   [back = way_back{id_, all_}](bool ok) {
                     back.tell([ok](visit& who) { who.body_sent(ok); });
                   });
}

/// All of it is with the kernel, or never will be.
void visit::body_sent(bool ok) {
  if (now_ != stage::sending)
    return;
  const auto self = shared_from_this();
  leave_pending(stage::answered);
  if (ok)
    connection_.resume_reading();
  else // the promised length cannot be kept
    way_back{id_, all_}.tell_later([](visit& who) { who.connection_.end(); });
}

void visit::send_pulled(const response& head, std::int64_t length,
                        std::shared_ptr<body_source> from) {
  if (now_ != stage::pending)
    return;
  const auto self = shared_from_this();
  const auto frame = frame_of_body(length);
  connection_.answered();
  auto bytes = write_head(head, frame);
  if (frame.head_only || length == 0) {
    leave_pending(stage::answered);
    line_->send(std::move(bytes), true, frame.keep_alive, {});
    return;
  }
  leave_pending(stage::sending);
  source_ = std::move(from);
  to_send_ = length;
  line_->send(std::move(bytes), false, frame.keep_alive,
              [back = way_back{id_, all_}](bool ok) {
                if (ok)
                  back.tell_later([](visit& who) { who.pull(); });
              });
}

void visit::pull() {
  if (now_ != stage::sending || !source_)
    return;
  const auto source = source_; // it may be let go of from inside
  source->pull([back = way_back{id_, all_}](jobs::result<std::string> piece) {
    back.tell_later([piece = std::move(piece)](visit& who) mutable {
      who.piece_came(std::move(piece));
    });
  });
}

void visit::piece_came(jobs::result<std::string> piece) {
  if (now_ != stage::sending || !source_)
    return;
  const auto self = shared_from_this();
  const auto size =
      piece ? static_cast<std::int64_t>(piece->size()) : std::int64_t{0};
  if (size == 0 || size > to_send_) {
    jobs::log(jobs::log_level::warning, "answer-cut",
              {{"request", facts_.request_id},
               {"why", piece ? "the source gave another length than it promised"
                             : piece.error().what}});
    connection_.end();
    return;
  }
  to_send_ -= size;
  if (to_send_ > 0) {
    line_->send(*std::move(piece), false, facts_.keep_alive,
                [back = way_back{id_, all_}](bool ok) {
                  if (ok)
                    back.tell_later([](visit& who) { who.pull(); });
                });
    return;
  }
  source_.reset();
  line_->send(*std::move(piece), true, facts_.keep_alive && !all_.closing,
              [back = way_back{id_, all_}](bool ok) {
                back.tell([ok](visit& who) { who.body_sent(ok); });
              });
}

// -- the request's body -------------------------------------------------------

void visit::take_body(std::shared_ptr<jobs::body_pipe> into) {
  if (now_ != stage::pending)
    return into->fail({jobs::fault_code::upload_failed,
                       "the request was answered before its body was read"});
  into->when_room([back = way_back{id_, all_}] {
    back.tell_later([](visit& who) { who.connection_.go_on_reading(); });
  });
  const auto self = shared_from_this();
  connection_.let_body_flow(std::move(into));
}

// -- a stream -----------------------------------------------------------------

void visit::open_stream(const response& head,
                        std::shared_ptr<stream_state> state) {
  if (now_ != stage::pending) {
    state->end();
    return;
  }
  const auto self = shared_from_this();
  leave_pending(stage::streaming);
  stream_ = std::move(state);
  wire_frame frame{facts_.request_id, facts_.extra_lines};
  frame.keep_alive = facts_.keep_alive;
  frame.chunked = true;
  connection_.answered();
  line_->send(write_head(head, frame), false, frame.keep_alive, {});
  flush_stream();
}

void visit::flush_stream() {
  if (now_ != stage::streaming)
    return;
  auto [bytes, payload] = stream_->take();
  if (bytes.empty())
    return;
  line_->send(
      std::move(bytes), false, facts_.keep_alive,
      [state = stream_, size = payload](bool ok) { state->sent(size, ok); });
}

void visit::finish_stream() {
  if (now_ != stage::streaming)
    return;
  const auto self = shared_from_this();
  flush_stream();
  leave_pending(stage::answered);
  line_->send("0\r\n\r\n", true, facts_.keep_alive && !all_.closing, {});
}

// -- a websocket --------------------------------------------------------------

void visit::open_socket(std::shared_ptr<socket_state> state) {
  if (now_ != stage::pending) {
    state->end(abnormal);
    return;
  }
  const auto self = shared_from_this();
  leave_pending(stage::websocket);
  socket_ = std::move(state);
  connection_.become_websocket();
  frame_events events;
  const std::weak_ptr<visit> mine = self;
  events.on_text = [mine](std::string payload, bool last) {
    if (const auto me = mine.lock())
      me->frame_came(std::move(payload), last);
  };
  events.on_ping = [mine](std::string payload) {
    if (const auto me = mine.lock(); me && me->frames_)
      me->frames_->send_pong(std::move(payload));
  };
  events.on_pong = [mine] {
    if (const auto me = mine.lock(); me && me->socket_)
      me->socket_->pong_came();
  };
  events.on_close = [mine](std::uint16_t code) {
    if (const auto me = mine.lock())
      me->close_came(code);
  };
  frames_ = line_->upgrade(facts_.request_id, std::move(events));
  if (!frames_)
    connection_.end();
  else
    flush_socket();
}

void visit::flush_socket() {
  if (now_ != stage::websocket || !frames_)
    return;
  const auto self = shared_from_this();
  for (auto& next : socket_->take()) {
    if (!frames_)
      return;
    switch (next.kind) {
    case socket_state::item::kinds::message: {
      const auto size = next.text->size();
      frames_->send_text(std::move(next.text),
                         [state = socket_, size](bool) { state->sent(size); });
      break;
    }
    case socket_state::item::kinds::ping:
      frames_->send_ping();
      break;
    case socket_state::item::kinds::close:
      send_close(next.code, *next.text);
      break;
    }
  }
}

void visit::send_close(std::uint16_t code, std::string_view reason) {
  if (!frames_ || own_code_ != 0)
    return;
  own_code_ = code;
  frames_->send_close(code, reason);
  connection_.end_after(all_.limit.socket_close);
}

void visit::frame_came(std::string payload, bool last) {
  if (message_.empty())
    message_ = std::move(payload);
  else
    message_ += payload;
  if (last && socket_)
    socket_->text_came(std::exchange(message_, {}));
}

void visit::close_came(std::uint16_t code) {
  if (peer_code_ == 0)
    peer_code_ = code;
  if (socket_)
    socket_->refuse_sends();
  connection_.end_after(all_.limit.socket_close);
  // The library echoes the close frame and then lets go of the connection.
  frames_.reset();
}

void visit::frame_refused(std::uint16_t close_code) {
  if (socket_)
    socket_->refuse_sends();
  send_close(close_code, {});
  peer_code_ = close_code;
}

// -- the end ------------------------------------------------------------------

void visit::dismiss() {
  if (now_ == stage::streaming) {
    stream_->end();
    finish_stream();
  } else if (now_ == stage::websocket) {
    socket_->refuse_sends();
    send_close(going_away, "the node is shutting down");
  }
}

void visit::cut() {
  if (now_ == stage::streaming || now_ == stage::websocket)
    connection_.end();
}

void visit::connection_ended() {
  const auto self = shared_from_this();
  leave_pending(stage::over);
  all_.remove(id_);
  frames_.reset();
  line_.reset();
  source_.reset();
  if (auto state = std::exchange(stream_, nullptr))
    state->end();
  if (auto state = std::exchange(socket_, nullptr)) {
    const bool agreed = own_code_ != 0 && connection_.saw_close_frame();
    state->end(peer_code_ != 0 ? peer_code_ : agreed ? own_code_ : abnormal);
  }
}

} // namespace alula::http
