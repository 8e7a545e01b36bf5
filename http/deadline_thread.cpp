#include "http/deadline_thread.hpp"

#include <utility>

namespace alula::http {

deadline_thread::deadline_thread(std::function<std::optional<time>(time)> run)
  : run_(std::move(run)), thread_([this] { loop(); }) {}

deadline_thread::~deadline_thread() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void deadline_thread::wake() {
  {
    const std::lock_guard lock{mutex_};
    woken_ = true;
  }
  changed_.notify_one();
}

void deadline_thread::loop() {
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    woken_ = false;
    lock.unlock();
    const auto next = run_(std::chrono::steady_clock::now());
    lock.lock();
    const auto called = [this] { return woken_ || stopping_; };
    if (next)
      changed_.wait_until(lock, *next, called);
    else
      changed_.wait(lock, called);
  }
}

} // namespace alula::http
