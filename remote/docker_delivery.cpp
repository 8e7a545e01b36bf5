#include "remote/docker_delivery.hpp"

namespace alula::remote {

delivery::delivery(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this] { work(); });
}

void delivery::stop() {
  {
    const std::lock_guard guard{mutex_};
    is_stopping_ = true;
  }
  changed_.notify_all();
  for (auto& one : threads_)
    if (one.joinable())
      one.join();
}

void delivery::wake(const std::shared_ptr<box>& one) {
  {
    const std::lock_guard guard{mutex_};
    if (one->state_ == box::state::busy)
      one->state_ = box::state::busy_again;
    if (one->state_ != box::state::idle)
      return;
    one->state_ = box::state::queued;
    queue_.push_back(one);
  }
  changed_.notify_one();
}

void delivery::work() {
  std::unique_lock guard{mutex_};
  for (;;) {
    changed_.wait(guard, [this] { return is_stopping_ || !queue_.empty(); });
    if (is_stopping_)
      return;
    auto one = std::move(queue_.front());
    queue_.pop_front();
    one->state_ = box::state::busy;
    guard.unlock();
    const bool has_more = one->hand_on();
    guard.lock();
    if (has_more || one->state_ == box::state::busy_again) {
      one->state_ = box::state::queued;
      queue_.push_back(std::move(one));
      changed_.notify_one();
      continue;
    }
    one->state_ = box::state::idle;
    // The last hold on a listener may be this one, and its end take a while.
    guard.unlock();
    one.reset();
    guard.lock();
  }
}

} // namespace alula::remote
