/// One thread for what is too long for the I/O thread and no job: rendering
/// the list of ten thousand servers, ending a subscription out of its own
/// callback.
#pragma once

#include "http/deadline_thread.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace alula::http {

class errands {
public:
  explicit errands(std::size_t most_waiting = 256);

  /// Waits for the errand under way; those behind it are dropped unrun.
  ~errands();

  /// In the order of the calls. False when too many wait: the errand is then
  /// not taken. Any thread; an exception out of an errand is logged.
  bool run(std::function<void()> what);

private:
  void run_all();

  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::deque<std::function<void()>> waiting_;
  deadline_thread thread_; ///< last: it uses everything above
};

} // namespace alula::http
