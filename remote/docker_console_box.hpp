/// What the listener of a console has not heard yet.
#pragma once

#include "jobs/container_streams.hpp"
#include "remote/docker_delivery.hpp"
#include "remote/docker_loop.hpp"

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace alula::remote {

/// Any thread.
class console_box final : public delivery::box {
public:
  console_box(std::shared_ptr<jobs::container_listener> listener,
              stream_loop& loop)
    : listener_(std::move(listener)), loop_(loop) {}

  /// Where the lines come from.
  void set_source(stream_loop::stream_id id) { source_ = id; }

  /// False when the listener is so far behind that its container should wait;
  /// the source is resumed when it has caught up.
  bool put(std::string_view line);
  void put(const jobs::resource_sample& sample);
  void end();
  /// The listener is to hear nothing more.
  void silence();

  bool hand_on() override;

private:
  struct batch {
    std::deque<std::string> lines;
    std::optional<jobs::resource_sample> sample;
    bool has_ended = false;
    bool has_room = false;
    bool has_more = false;
  };
  batch take_some();

  std::mutex mutex_;
  std::deque<std::string> lines_;
  std::size_t bytes_ = 0;
  std::optional<jobs::resource_sample> sample_;
  bool is_full_ = false;
  bool has_ended_ = false;
  std::atomic<bool> is_silent_ = false;
  const std::shared_ptr<jobs::container_listener> listener_;
  stream_loop& loop_;
  std::atomic<stream_loop::stream_id> source_ = 0;
};

} // namespace alula::remote
