/// A call_script with gates that hold a method until the test lets it go.
#pragma once

#include "tests/doubles/call_script.hpp"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

namespace alula::jobs {

class gated_script : public call_script {
public:
  /// The next calls of `method` wait until let_go(method), or end with
  /// `interrupted` when they are asked to stop.
  void hold(const std::string& method) {
    const std::lock_guard guard{mutex};
    gates_[method].is_closed = true;
  }

  void let_go(const std::string& method) {
    {
      const std::lock_guard guard{mutex};
      gates_[method].is_closed = false;
    }
    changed_.notify_all();
  }

  /// True as soon as `count` calls wait at the gate of `method`.
  bool wait_until_held(const std::string& method, int count = 1,
                       std::chrono::milliseconds limit = std::chrono::seconds{
                           120}) {
    std::unique_lock lock{mutex};
    return changed_.wait_for(lock, limit,
                             [&] { return gates_[method].waiting >= count; });
  }

protected:
  ~gated_script() = default;

  // For the fake, with the lock on `mutex`.

  /// Writes the call down and waits at its gate; the fault is `interrupted`, or
  /// what was planned for it.
  template<class... Words>
  status enter(std::unique_lock<std::mutex>& lock, const std::stop_token& stop,
               const std::string& method, const Words&... words) {
    write_down(method, words...);
    auto& at = gates_[method];
    ++at.waiting;
    changed_.notify_all();
    changed_.wait(lock, stop, [&] { return !at.is_closed; });
    --at.waiting;
    if (stop.stop_requested())
      return interrupted();
    return planned_for(method);
  }

  static fault interrupted() {
    return {.code = fault_code::interrupted, .what = "asked to stop"};
  }

private:
  struct gate {
    bool is_closed = false;
    int waiting = 0;
  };

  std::condition_variable_any changed_;
  std::map<std::string, gate> gates_;
};

} // namespace alula::jobs
