/// Who waits for the end of a container.
#pragma once

#include "tests/doubles/console_recorder.hpp"

#include <atomic>
#include <functional>
#include <future>

namespace alula::doubles {

struct end_listener {
  std::atomic<int> times = 0;

  std::function<void()> told() {
    return [this] {
      if (++times == 1)
        first_.set_value();
    };
  }
  /// Whether it is told; once per listener.
  bool hears() {
    return first_.get_future().wait_for(longest_wait)
           == std::future_status::ready;
  }

private:
  std::promise<void> first_;
};

} // namespace alula::doubles
