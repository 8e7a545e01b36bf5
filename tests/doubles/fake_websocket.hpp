/// A websocket without a client: records what was sent, and may refuse it.
#pragma once

#include "http/exchange.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::doubles {

class fake_websocket final : public http::websocket {
public:
  ~fake_websocket() override; ///< in fakes.cpp, as is all that is virtual
  explicit fake_websocket(http::websocket_events events = {})
    : events_(std::move(events)) {}

  bool send(std::shared_ptr<const std::string> text) override {
    std::lock_guard lock{mutex_};
    if (!open_ || close_code_)
      return false;
    if (refuse_sends_) {
      open_ = false;
      killed_ = true;
      changed_.notify_all();
      return false;
    }
    sent_.push_back(std::move(text));
    changed_.notify_all();
    return true;
  }
  bool ping() override {
    std::lock_guard lock{mutex_};
    if (!open_ || close_code_)
      return false;
    ++pings_;
    changed_.notify_all();
    return true;
  }
  void close(std::uint16_t code, std::string_view reason) override {
    std::lock_guard lock{mutex_};
    if (!open_ || close_code_)
      return;
    close_code_ = code;
    close_reason_ = reason;
    changed_.notify_all();
  }
  void kill() override {
    std::lock_guard lock{mutex_};
    killed_ = true;
    open_ = false;
    changed_.notify_all();
  }
  bool is_open() const override {
    std::lock_guard lock{mutex_};
    return open_ && !close_code_;
  }

  // -- the client's side ------------------------------------------------------

  void receive(std::string text) { events_.on_text(std::move(text)); }
  void pong() {
    if (events_.on_pong)
      events_.on_pong();
  }
  /// The connection ends; tells on_closed, once.
  void end(std::uint16_t code = 1006) {
    {
      std::lock_guard lock{mutex_};
      open_ = false;
      if (std::exchange(told_, true))
        return;
      changed_.notify_all();
    }
    if (events_.on_closed)
      events_.on_closed(code);
  }
  /// As if the client stopped reading: the next send kills the socket.
  void refuse_sends() {
    std::lock_guard lock{mutex_};
    refuse_sends_ = true;
  }

  // -- the journal ------------------------------------------------------------

  std::vector<std::string> sent() const {
    std::lock_guard lock{mutex_};
    std::vector<std::string> copy;
    for (const auto& text : sent_)
      copy.push_back(*text);
    return copy;
  }
  int pings() const {
    std::lock_guard lock{mutex_};
    return pings_;
  }
  std::optional<std::uint16_t> close_code() const {
    std::lock_guard lock{mutex_};
    return close_code_;
  }
  std::string close_reason() const {
    std::lock_guard lock{mutex_};
    return close_reason_;
  }
  bool was_killed() const {
    std::lock_guard lock{mutex_};
    return killed_;
  }
  /// Waits until `done(*this)`; false after the limit. `done` may call the
  /// journal: it runs without the lock.
  template<class Done>
  bool
  wait_until(Done done,
             std::chrono::milliseconds limit = std::chrono::seconds{10}) const {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done(*this)) {
      std::unique_lock lock{mutex_};
      if (changed_.wait_until(lock, std::min(end, soon()))
              == std::cv_status::timeout
          && std::chrono::steady_clock::now() >= end)
        return false;
    }
    return true;
  }

private:
  /// A change may slip in between `done` and the wait: look again soon.
  static std::chrono::steady_clock::time_point soon() {
    return std::chrono::steady_clock::now() + std::chrono::milliseconds{20};
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  http::websocket_events events_;
  std::vector<std::shared_ptr<const std::string>> sent_;
  std::optional<std::uint16_t> close_code_;
  std::string close_reason_;
  int pings_ = 0;
  bool open_ = true, killed_ = false, told_ = false, refuse_sends_ = false;
};

} // namespace alula::doubles
