/// Follows dockerd's events: as hints, because some get lost (user-pains C5,
/// D5). A stream that is silent may be a dockerd that hangs, so it is asked now
/// and then whether it lives.
#pragma once

#include "jobs/container_streams.hpp"
#include "jobs/result.hpp"
#include "remote/docker_delivery.hpp"
#include "remote/docker_loop.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace alula::remote {

struct docker_event {
  std::string name, id, what;
};
/// One record of GET /events. Nothing when it is about no container.
std::optional<docker_event> read_event(std::string_view json);

/// What the listener has not heard yet. Any thread.
class event_box final : public delivery::box {
public:
  explicit event_box(std::shared_ptr<jobs::container_event_listener> listener)
    : listener_(std::move(listener)) {}

  void put(docker_event event);
  void put_missed();
  void put_away(jobs::fault why);
  /// The listener is to hear nothing more.
  void silence() { is_silent_ = true; }

  bool hand_on() override;

private:
  using call = std::function<void(jobs::container_event_listener&)>;
  void put(call what);

  std::mutex mutex_;
  std::deque<call> calls_;
  std::atomic<bool> is_silent_ = false;
  const std::shared_ptr<jobs::container_event_listener> listener_;
};

/// From start() on it lives on the loop's thread, which keeps it until stop().
class event_watch final : public std::enable_shared_from_this<event_watch> {
public:
  struct settings {
    std::chrono::milliseconds limit;       ///< of a ping, and to open
    std::chrono::milliseconds ping;        ///< between two pings
    std::chrono::milliseconds first_pause; ///< before a new try
    std::chrono::milliseconds longest_pause;
    /// Says in a sentence why there is no dockerd.
    std::function<jobs::fault(const stream_loop::ending&)> explain;
  };
  event_watch(stream_loop& loop, delivery& deliveries, settings given,
              std::shared_ptr<jobs::container_event_listener> listener);

  void start();
  /// Any thread. The listener hears nothing more.
  void stop();

private:
  class events;
  class pong;
  void open();
  void opened();
  void closed(bool was_open, const stream_loop::ending& why);
  void ping();
  void ponged(const stream_loop::ending& how);
  void tell_away(const stream_loop::ending& why);
  void tell_back();
  void take(std::string_view record);
  void later(std::chrono::milliseconds time, void (event_watch::*what)());

  stream_loop& loop_;
  delivery& deliveries_;
  const settings settings_;
  const std::shared_ptr<event_box> box_;
  std::atomic<bool> is_stopped_ = false;
  std::atomic<stream_loop::stream_id> events_id_ = 0;
  std::atomic<stream_loop::stream_id> ping_id_ = 0;
  // Of the loop's thread:
  bool has_stream_ = false;
  bool is_hung_ = false; ///< the last ping got no answer
  bool is_away_ = false; ///< so the listener was told
  std::chrono::milliseconds pause_;
};

} // namespace alula::remote
