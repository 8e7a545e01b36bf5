/// Threads for what is too long for the I/O thread and no job: rendering the
/// list of ten thousand servers, ending a subscription out of its own callback,
/// asking Docker for a log.
#pragma once

#include "http/deadline_thread.hpp"
#include "jobs/log.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace alula::http {

class errands {
public:
  explicit errands(std::size_t most_waiting = 256, std::size_t threads = 1);

  /// Waits for the errands under way; those behind them are dropped unrun.
  ~errands();

  /// Begun in the order of the calls. False when too many wait: the errand is
  /// then not taken. Any thread; an exception out of an errand is logged. Its
  /// lines have the fields of the calling thread's: the id of the request.
  bool run(std::function<void()> what);

  /// The same, and taken however many wait: what a caller gives back of a
  /// bounded number of things.
  void run_always(std::function<void()> what);

private:
  struct errand {
    std::function<void()> run;
    jobs::log_context whose;
  };
  bool take(std::function<void()> what, std::size_t most_waiting);
  void run_all();

  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::deque<errand> waiting_;
  /// Last: they use everything above.
  std::vector<std::unique_ptr<deadline_thread>> threads_;
};

} // namespace alula::http
