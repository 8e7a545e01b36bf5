/// The I/O thread, for those who may outlive it: an exchange, a stream or a
/// websocket in the hands of a handler whose server has gone.
#pragma once

#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

namespace alula::http {

class io_thread {
public:
  explicit io_thread(asio::io_context& context) : context_(&context) {}

  /// Runs `work` on the thread, later. False when the thread is gone; the work
  /// is then destroyed here.
  template<class Work>
  bool post(Work&& work) {
    std::lock_guard lock{mutex_};
    if (!context_)
      return false;
    asio::post(*context_, std::forward<Work>(work));
    return true;
  }

  /// The caller runs on the thread, so nothing can end meanwhile.
  bool is_here() const {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  /// Called by the thread itself, first.
  void enter() { owner_ = std::this_thread::get_id(); }
  /// Before the context goes.
  void close() {
    std::lock_guard lock{mutex_};
    context_ = nullptr;
    owner_ = std::thread::id{};
  }

private:
  std::mutex mutex_;
  asio::io_context* context_;
  std::atomic<std::thread::id> owner_{};
};

} // namespace alula::http
