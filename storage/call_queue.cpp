#include "storage/call_queue.hpp"

#include <algorithm>
#include <utility>

namespace alula::storage {

using std::chrono::steady_clock;

call_queue::answer call_queue::push(std::unique_ptr<ledger_call>& call,
                                    std::size_t limit) {
  {
    const std::lock_guard lock{mutex_};
    if (closed_)
      return answer::closed;
    if (calls_.size() >= limit)
      return answer::full;
    calls_.push_back(std::move(call));
    if (calls_.size() > 1)
      return answer::queued; // the thread has been woken already
  }
  changed_.notify_one();
  return answer::queued;
}

void call_queue::push_progress(std::int64_t job_row, jobs::progress what) {
  {
    const std::lock_guard lock{mutex_};
    if (closed_)
      return;
    const auto known = progress_.find(job_row);
    if (known != progress_.end()) {
      known->second.newest = std::move(what);
      return;
    }
    const auto due = steady_clock::now() + progress_interval_;
    progress_.emplace(job_row, pending_progress{std::move(what), due});
    if (due >= next_progress_)
      return;
    next_progress_ = due;
  }
  changed_.notify_one();
}

bool call_queue::is_due(time_point now) const {
  return next_progress_ <= now;
}

progress_by_job call_queue::take_progress(time_point now) {
  progress_by_job due;
  next_progress_ = time_point::max();
  for (auto entry = progress_.begin(); entry != progress_.end();) {
    if (entry->second.due <= now || closed_) {
      due.emplace(entry->first, std::move(entry->second.newest));
      entry = progress_.erase(entry);
    } else {
      next_progress_ = std::min(next_progress_, entry->second.due);
      ++entry;
    }
  }
  return due;
}

call_queue::batch call_queue::take(std::size_t most, time_point until) {
  std::unique_lock lock{mutex_};
  while (calls_.empty() && !closed_) {
    const auto now = steady_clock::now();
    if (is_due(now) || now >= until)
      break;
    changed_.wait_until(lock, std::min(until, next_progress_));
  }
  batch taken;
  const auto count = std::min(most, calls_.size());
  taken.calls.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    taken.calls.push_back(std::move(calls_.front()));
    calls_.pop_front();
  }
  const auto now = steady_clock::now();
  if (is_due(now) || closed_)
    taken.progress = take_progress(now);
  taken.closed = closed_;
  return taken;
}

void call_queue::close(leftover calls) {
  std::deque<std::unique_ptr<ledger_call>> dropped;
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    if (calls == leftover::dropped) {
      dropped.swap(calls_);
      progress_.clear();
    }
  }
  changed_.notify_one();
}

} // namespace alula::storage
