#include "backup/file_pool.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace alula::backup {

namespace {

constexpr std::size_t most_in_batch = 32;
constexpr std::size_t batch_bytes = std::size_t{1024} * 1024;
constexpr std::size_t most_batches = 6;

using batch = std::vector<small_file>;

jobs::status write_file(const small_file& file, const file_owner& owner) {
  auto made = new_file::create(file.at, file.path);
  if (!made)
    return std::move(made).error();
  if (auto put = made->write(0, file.content); !put)
    return put;
  return made->finish(file.content.size(), file.traits, owner);
}

} // namespace

struct file_pool::state {
  file_owner owner;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<batch> waiting;
  std::size_t at_work = 0;
  bool is_closed = false;
  std::optional<jobs::fault> failure;

  batch filling; ///< of the adding thread alone
  std::size_t filled = 0;

  std::vector<std::jthread> threads;

  state(unsigned count, file_owner chosen) : owner(chosen) {
    for (unsigned i = 0; i < count; ++i)
      threads.emplace_back([this] { work(); });
  }

  ~state() {
    {
      const std::lock_guard guard{mutex};
      is_closed = true;
      waiting.clear();
    }
    changed.notify_all();
    threads.clear();
  }

  void work() {
    for (;;) {
      batch mine;
      {
        std::unique_lock lock{mutex};
        changed.wait(lock, [&] { return !waiting.empty() || is_closed; });
        if (waiting.empty())
          return;
        mine = std::move(waiting.front());
        waiting.pop_front();
        ++at_work;
      }
      changed.notify_all();
      std::optional<jobs::fault> wrong;
      for (const auto& file : mine)
        if (auto put = write_file(file, owner); !put) {
          wrong = std::move(put).error();
          break;
        }
      mine.clear();
      {
        const std::lock_guard guard{mutex};
        --at_work;
        if (wrong && !failure)
          failure = std::move(wrong);
      }
      changed.notify_all();
    }
  }

  jobs::status current_status() const {
    if (failure)
      return *failure;
    return {};
  }

  jobs::status hand_in() {
    std::unique_lock lock{mutex};
    changed.wait(lock,
                 [&] { return waiting.size() < most_batches || failure; });
    if (!filling.empty())
      waiting.push_back(std::exchange(filling, {}));
    filled = 0;
    auto out = current_status();
    lock.unlock();
    changed.notify_all();
    return out;
  }
};

file_pool::file_pool(unsigned threads, file_owner owner)
  : state_(std::make_unique<state>(threads, owner)) {}

file_pool::~file_pool() = default;

jobs::status file_pool::add(small_file file) {
  auto& s = *state_;
  if (s.threads.empty())
    return write_file(file, s.owner);
  s.filled += file.content.size();
  s.filling.push_back(std::move(file));
  if (s.filling.size() < most_in_batch && s.filled < batch_bytes)
    return {};
  return s.hand_in();
}

jobs::status file_pool::drain() {
  auto& s = *state_;
  if (s.threads.empty())
    return {};
  if (auto handed = s.hand_in(); !handed)
    return handed;
  std::unique_lock lock{s.mutex};
  s.changed.wait(
      lock, [&] { return s.failure || (s.waiting.empty() && s.at_work == 0); });
  return s.current_status();
}

} // namespace alula::backup
