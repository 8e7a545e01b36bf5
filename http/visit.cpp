#include "http/visit.hpp"

#include "http/live.hpp"
#include "http/reply.hpp"
#include "http/wire.hpp"

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
  if (next == stage::streaming)
    ++all_.streams;
  else if (next == stage::websocket)
    ++all_.websockets;
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
                  "the answer to this request took too long; ask again"}));
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
  if (auto state = std::exchange(stream_, nullptr))
    state->end();
  if (auto state = std::exchange(socket_, nullptr)) {
    const bool agreed = own_code_ != 0 && connection_.saw_close_frame();
    state->end(peer_code_ != 0 ? peer_code_ : agreed ? own_code_ : abnormal);
  }
}

} // namespace alula::http
