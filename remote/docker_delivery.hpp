/// Hands what the loop has heard to those who listen, on a few threads: one
/// that is slow keeps its own container waiting, not the others.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace alula::remote {

class delivery {
public:
  /// Where what a listener is to hear is kept.
  class box {
  public:
    virtual ~box() = default;
    /// Hands on a little, one thread at a time. True when there is more.
    virtual bool hand_on() = 0;

  private:
    friend class delivery;
    enum class state { idle, queued, busy, busy_again };
    state state_ = state::idle; ///< under the mutex of the delivery
  };

  explicit delivery(std::size_t threads);
  ~delivery() { stop(); }
  delivery(const delivery&) = delete;
  delivery& operator=(const delivery&) = delete;

  /// There is something in it. Any thread; does not block.
  void wake(const std::shared_ptr<box>& one);

  /// Nothing is handed on when it returns: waits for the calls under way.
  void stop();

private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<box>> queue_;
  bool is_stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace alula::remote
