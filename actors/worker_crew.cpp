#include "actors/worker_crew.hpp"

#include "actors/task_threads.hpp"
#include "jobs/log.hpp"

#include <exception>
#include <utility>

namespace alula::actors {

namespace {

/// A thread must not end by an exception: that would end the process.
void run_safely(const std::string& crew, const std::function<void()>& task) {
  try {
    task();
  } catch (const std::exception& e) {
    jobs::log(jobs::log_level::error, "worker-threw",
              {{"pool", crew}, {"what", e.what()}});
  } catch (...) {
    jobs::log(jobs::log_level::error, "worker-threw", {{"pool", crew}});
  }
}

} // namespace

worker_crew::worker_crew(std::string name, std::size_t threads)
  : name_(std::move(name)) {
  const std::scoped_lock lock{mutex_};
  for (std::size_t i = 0; i < threads; ++i)
    start_thread();
}

worker_crew::~worker_crew() {
  close();
  for (auto& thread : threads_)
    if (thread.joinable())
      thread.join();
}

void worker_crew::run(std::function<void()> task) {
  {
    const std::scoped_lock lock{mutex_};
    if (closed_)
      return;
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void worker_crew::add_thread() {
  const std::scoped_lock lock{mutex_};
  if (!closed_)
    start_thread();
}

void worker_crew::remove_thread() {
  {
    const std::scoped_lock lock{mutex_};
    ++surplus_;
  }
  changed_.notify_one();
}

std::size_t worker_crew::busy() const {
  const std::scoped_lock lock{mutex_};
  return busy_;
}

bool worker_crew::wait_idle(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock{mutex_};
  return idle_.wait_until(lock, until,
                          [this] { return busy_ == 0 && tasks_.empty(); });
}

void worker_crew::close() {
  {
    const std::scoped_lock lock{mutex_};
    closed_ = true;
  }
  changed_.notify_all();
}

void worker_crew::start_thread() {
  if (gone_.empty()) {
    const auto place = threads_.size();
    threads_.emplace_back([this, place] { work(place); });
    return;
  }
  const auto place = gone_.back();
  gone_.pop_back();
  threads_[place].join(); // it has left work() already
  threads_[place] = std::jthread{[this, place] { work(place); }};
}

void worker_crew::work(std::size_t place) {
  name_this_thread(name_);
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(
        lock, [this] { return closed_ || surplus_ > 0 || !tasks_.empty(); });
    if (!tasks_.empty()) {
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      ++busy_;
      lock.unlock();
      run_safely(name_, task);
      task = nullptr;
      lock.lock();
      --busy_;
      idle_.notify_all();
      continue;
    }
    if (surplus_ > 0) {
      --surplus_;
      gone_.push_back(place);
      return;
    }
    return; // closed
  }
}

} // namespace alula::actors
