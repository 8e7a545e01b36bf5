/// A dockerd that never answers a list of its containers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace alula::jobs {

/// For fake_containers::before_list, by std::ref. Whoever lists waits until it
/// is stopped, and no longer than no test waits.
class hung_list {
public:
  void operator()(const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    is_asked_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, stop, limit, [] { return false; });
    was_stopped_ = stop.stop_requested();
  }

  /// True as soon as somebody lists.
  bool is_asked() {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, limit, [&] { return is_asked_; });
  }

  bool was_stopped() const {
    const std::scoped_lock lock{mutex_};
    return was_stopped_;
  }

private:
  static constexpr std::chrono::seconds limit{60};
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool is_asked_ = false;
  bool was_stopped_ = false;
};

} // namespace alula::jobs
