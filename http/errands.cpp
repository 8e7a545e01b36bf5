#include "http/errands.hpp"

#include "jobs/log.hpp"

#include <exception>
#include <limits>
#include <optional>
#include <utility>

namespace alula::http {

errands::errands(std::size_t most_waiting, std::size_t threads)
  : most_waiting_(most_waiting) {
  for (std::size_t i = 0; i < threads; ++i)
    threads_.push_back(
        std::make_unique<deadline_thread>([this](deadline_thread::time) {
          run_all();
          return std::optional<deadline_thread::time>{};
        }));
}

errands::~errands() {
  const std::lock_guard lock{mutex_};
  waiting_.clear();
}

bool errands::run(std::function<void()> what) {
  return take(std::move(what), most_waiting_);
}

void errands::run_always(std::function<void()> what) {
  take(std::move(what), std::numeric_limits<std::size_t>::max());
}

bool errands::take(std::function<void()> what, std::size_t most_waiting) {
  {
    const std::lock_guard lock{mutex_};
    if (waiting_.size() >= most_waiting)
      return false;
    waiting_.push_back({std::move(what), {}});
  }
  for (const auto& thread : threads_)
    thread->wake();
  return true;
}

void errands::run_all() {
  for (;;) {
    errand next;
    {
      const std::lock_guard lock{mutex_};
      if (waiting_.empty())
        return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const jobs::log_scope as{next.whose};
    try {
      next.run();
    } catch (const std::exception& e) {
      jobs::log(jobs::log_level::error, "errand-failed", {{"what", e.what()}});
    }
  }
}

} // namespace alula::http
