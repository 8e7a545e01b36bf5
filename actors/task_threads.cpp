#include "actors/task_threads.hpp"

#include "jobs/log.hpp"

#include <exception>
#include <pthread.h>
#include <utility>

namespace alula::actors {

void name_this_thread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

task_threads::task_threads(std::string name, std::size_t threads,
                           std::size_t limit)
  : name_(std::move(name)), limit_(limit) {
  for (std::size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this] { work(); });
}

task_threads::~task_threads() {
  stop();
}

bool task_threads::run(std::function<void()> task,
                       std::optional<jobs::log_context> whose) {
  // Told under the lock: whoever stops us waits for it.
  const std::scoped_lock lock{mutex_};
  if (stopping_ || (limit_ != 0 && tasks_.size() >= limit_))
    return false;
  tasks_.push_back({std::move(task), std::move(whose)});
  changed_.notify_one();
  return true;
}

void task_threads::stop() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable())
      thread.join();
}

void task_threads::work() {
  name_this_thread(name_);
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (tasks_.empty())
      return;
    auto [task, whose] = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    std::optional<jobs::log_scope> as;
    if (whose)
      as.emplace(*whose);
    try {
      task();
    } catch (const std::exception& e) {
      jobs::log(jobs::log_level::error, "task-threw",
                {{"thread", name_}, {"what", e.what()}});
    } catch (...) {
      jobs::log(jobs::log_level::error, "task-threw", {{"thread", name_}});
    }
    task = nullptr;
    as.reset();
    lock.lock();
  }
}

} // namespace alula::actors
