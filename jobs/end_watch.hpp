/// Lets one who waits for a container to end look again as soon as Docker says
/// that it has, also where neither its console nor Docker's events are heard.
#pragma once

#include "jobs/ports.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace alula::jobs {

/// For one who looks in turns, on one thread. Only his looks count: what Docker
/// says is a reason to look sooner, and a Docker that says nothing costs him
/// nothing.
class end_watch {
public:
  using milliseconds = std::chrono::milliseconds;

  /// Docker is asked for so long at most, and then, or when the connection
  /// broke, once more.
  static constexpr milliseconds asked_for{60'000};
  /// And not more often than that.
  static constexpr milliseconds asked_every{2'000};

  /// `wake` is called as `told` of containers::notice_end is, and by nobody any
  /// more when the watch is gone. `docker` outlives it.
  end_watch(containers& docker, std::string_view name_or_id,
            std::function<void()> wake)
    : docker_(docker), name_(name_or_id), wake_(std::move(wake)) {}

  /// Docker has just answered that the container runs, so it may be asked for
  /// its end; for `left` at most, which is how long it is still waited for.
  /// Does not block.
  void seen_running(milliseconds left = asked_for) {
    const auto now = clock::now();
    const bool is_asked = notice_ && !notice_->is_over();
    if (is_asked || left <= left.zero()
        || (asked_at_ && now - *asked_at_ < asked_every))
      return;
    asked_at_ = now;
    notice_ = docker_.notice_end(name_, std::min(left, asked_for), wake_);
  }

private:
  using clock = std::chrono::steady_clock;

  containers& docker_;
  const std::string name_;
  const std::function<void()> wake_;
  std::optional<clock::time_point> asked_at_;
  std::unique_ptr<end_notice> notice_;
};

} // namespace alula::jobs
