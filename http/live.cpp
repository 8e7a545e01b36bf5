#include "http/live.hpp"

#include "http/wire.hpp"
#include "jobs/log.hpp"

#include <exception>

namespace alula::http {

namespace {

/// A handler's callback must not take the I/O thread down.
template<class Callback, class... Args>
void call_safely(const jobs::log_context& whose, const Callback& callback,
                 Args&&... args) {
  if (!callback)
    return;
  const jobs::log_scope as{whose};
  try {
    callback(std::forward<Args>(args)...);
  } catch (const std::exception& e) {
    jobs::log(jobs::log_level::error, "websocket-callback-threw",
              {{"what", e.what()}});
  } catch (...) {
    jobs::log(jobs::log_level::error, "websocket-callback-threw");
  }
}

} // namespace

// -- stream_state -------------------------------------------------------------

stream_state::taken stream_state::write(std::string_view chunk) {
  std::lock_guard lock{mutex_};
  if (!open_)
    return taken::refused;
  if (chunk.empty()) // an empty chunk would end the answer
    return taken::queued;
  if (unsent_ + chunk.size() > limit_) {
    open_ = false;
    return taken::overflow;
  }
  unsent_ += chunk.size();
  queued_ += chunk.size();
  queue_ += write_chunk(chunk);
  return std::exchange(flush_due_, true) ? taken::queued : taken::first;
}

bool stream_state::is_open() const {
  std::lock_guard lock{mutex_};
  return open_;
}

bool stream_state::end() {
  std::lock_guard lock{mutex_};
  return std::exchange(open_, false);
}

std::pair<std::string, std::size_t> stream_state::take() {
  std::lock_guard lock{mutex_};
  flush_due_ = false;
  return {std::exchange(queue_, {}), std::exchange(queued_, 0)};
}

void stream_state::sent(std::size_t size, bool ok) {
  std::lock_guard lock{mutex_};
  unsent_ -= size;
  if (!ok)
    open_ = false;
}

// -- socket_state -------------------------------------------------------------

socket_state::taken socket_state::push(item next) {
  std::lock_guard lock{mutex_};
  if (!open_)
    return taken::refused;
  if (next.kind == item::kinds::message) {
    // One message larger than the limit may go out when nothing waits.
    if (unsent_ > 0 && unsent_ + next.text->size() > limit_) {
      open_ = false;
      return taken::overflow;
    }
    unsent_ += next.text->size();
  }
  if (next.kind == item::kinds::close)
    open_ = false;
  queue_.push_back(std::move(next));
  return std::exchange(flush_due_, true) ? taken::queued : taken::first;
}

bool socket_state::is_open() const {
  std::lock_guard lock{mutex_};
  return open_;
}

std::vector<socket_state::item> socket_state::take() {
  std::lock_guard lock{mutex_};
  flush_due_ = false;
  return std::exchange(queue_, {});
}

void socket_state::sent(std::size_t size) {
  std::lock_guard lock{mutex_};
  unsent_ -= size;
}

void socket_state::refuse_sends() {
  std::lock_guard lock{mutex_};
  open_ = false;
}

void socket_state::text_came(std::string text) {
  call_safely(whose_, events_.on_text, std::move(text));
}

void socket_state::pong_came() {
  call_safely(whose_, events_.on_pong);
}

void socket_state::end(std::uint16_t code) {
  refuse_sends();
  if (std::exchange(told_, true))
    return;
  // The callbacks may hold whoever holds the socket: let go of them.
  const auto events = std::exchange(events_, {});
  call_safely(whose_, events.on_closed, code);
}

} // namespace alula::http
