/// A pause that a stop ends at once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace alula::jobs {

/// Blocks for so long, if at all. False when asked to stop by then.
inline bool rest(std::chrono::nanoseconds wait, const std::stop_token& stop) {
  if (wait <= wait.zero())
    return !stop.stop_requested();
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock{mutex};
  never.wait_for(lock, stop, wait, [] { return false; });
  return !stop.stop_requested();
}

} // namespace alula::jobs
