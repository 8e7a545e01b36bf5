#include "app/trash_scale.hpp"

#include <chrono>
#include <utility>

namespace alula::app {

void trash_scale::start(jobs::volumes& volumes,
                        std::chrono::milliseconds pause) {
  thread_ = std::jthread{[this, &volumes, pause](const std::stop_token& stop) {
    run(volumes, pause, stop);
  }};
}

void trash_scale::stop() {
  if (!thread_.joinable())
    return;
  thread_.request_stop();
  thread_.join();
}

std::int64_t trash_scale::bytes() {
  const std::scoped_lock lock{mutex_};
  is_asked_ = true;
  asked_.notify_all();
  return bytes_;
}

void trash_scale::run(jobs::volumes& volumes, std::chrono::milliseconds pause,
                      const std::stop_token& stop) {
  for (;;) {
    std::unique_lock lock{mutex_};
    if (!asked_.wait(lock, stop, [this] { return is_asked_; }))
      return;
    is_asked_ = false;
    lock.unlock();
    look(volumes, stop);
    lock.lock();
    asked_.wait_for(lock, stop, pause, [] { return false; });
  }
}

void trash_scale::look(jobs::volumes& volumes, const std::stop_token& stop) {
  const auto names = volumes.trash_entries();
  if (!names)
    return; // the figure of the last look stays
  std::map<std::string, std::int64_t> now;
  std::int64_t sum = 0;
  for (const auto& name : *names) {
    const auto at = known_.find(name);
    auto size = at != known_.end() ? jobs::result<std::int64_t>{at->second}
                                   : volumes.used_in_trash(name, stop);
    if (stop.stop_requested())
      return;
    if (!size)
      continue; // looked at again the next time
    now.emplace(name, *size);
    sum += *size;
  }
  known_ = std::move(now);
  const std::scoped_lock lock{mutex_};
  bytes_ = sum;
}

} // namespace alula::app
