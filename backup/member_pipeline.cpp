#include "backup/member_pipeline.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace alula::backup {

struct member_pipeline::state {
  /// One block on its way. Slots are used again, with their memory.
  struct slot {
    bytes content;
    bytes member;
    bool is_encoded = false;
  };

  pipeline_settings settings;
  sink to;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<slot>> slots;
  std::deque<slot*> free;
  std::deque<slot*> to_encode;
  std::deque<slot*> in_order; ///< handed in and not yet written
  bool is_closed = false;
  std::optional<jobs::fault> failure;

  slot* filling = nullptr; ///< of the writing thread alone
  std::uint64_t position = 0;

  // Of the sink's thread alone, until it has ended.
  digest hash;
  pipeline_result made;
  std::uint64_t stored_blocks = 0; ///< under the mutex

  std::vector<std::jthread> threads;

  state(pipeline_settings chosen, sink target)
    : settings(chosen), to(std::move(target)) {
    settings.threads = std::max(1U, settings.threads);
    for (unsigned i = 0; i < settings.threads + 2; ++i) {
      slots.push_back(std::make_unique<slot>());
      slots.back()->content.reserve(settings.block_size);
      free.push_back(slots.back().get());
    }
    for (unsigned i = 0; i < settings.threads; ++i)
      threads.emplace_back([this] { encode_blocks(); });
    threads.emplace_back([this] { drain(); });
  }

  ~state() {
    {
      const std::lock_guard guard{mutex};
      is_closed = true;
      to_encode.clear();
      if (!failure)
        failure = jobs::fault{.code = jobs::fault_code::interrupted,
                              .what = "the archive was given up"};
    }
    changed.notify_all();
  }

  slot* take_free() {
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] { return !free.empty() || failure; });
    if (failure)
      return nullptr;
    auto* taken = free.front();
    free.pop_front();
    taken->content.clear();
    taken->member.clear();
    taken->is_encoded = false;
    return taken;
  }

  void hand_in(slot* filled) {
    {
      const std::lock_guard guard{mutex};
      to_encode.push_back(filled);
      in_order.push_back(filled);
    }
    changed.notify_all();
  }

  void encode_blocks() {
    member_encoder encoder{settings.level};
    for (;;) {
      slot* mine = nullptr;
      {
        std::unique_lock lock{mutex};
        changed.wait(lock, [&] { return !to_encode.empty() || is_closed; });
        if (to_encode.empty())
          return;
        mine = to_encode.front();
        to_encode.pop_front();
      }
      const auto stored_before = encoder.stored_blocks();
      encoder.encode(mine->content, mine->member);
      {
        const std::lock_guard guard{mutex};
        mine->is_encoded = true;
        stored_blocks += encoder.stored_blocks() - stored_before;
      }
      changed.notify_all();
    }
  }

  /// Takes the oldest block as soon as it is encoded; null at the end.
  slot* next_in_order() {
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] {
      return failure || (!in_order.empty() && in_order.front()->is_encoded)
             || (is_closed && in_order.empty());
    });
    return failure || in_order.empty() ? nullptr : in_order.front();
  }

  void drain() {
    while (auto* done = next_in_order()) {
      made.members.push_back({made.content_bytes, made.archive_bytes});
      hash.update(done->member);
      auto written = to(done->member);
      made.content_bytes += done->content.size();
      made.archive_bytes += done->member.size();
      {
        const std::lock_guard guard{mutex};
        in_order.pop_front();
        free.push_back(done);
        if (!written && !failure)
          failure = std::move(written).error();
      }
      changed.notify_all();
    }
  }

  jobs::status current_status() {
    const std::lock_guard guard{mutex};
    if (failure)
      return *failure;
    return {};
  }
};

member_pipeline::member_pipeline(pipeline_settings settings, sink to)
  : state_(std::make_unique<state>(settings, std::move(to))) {}

member_pipeline::~member_pipeline() = default;

std::uint64_t member_pipeline::position() const {
  return state_->position;
}

jobs::status member_pipeline::write(byte_view content) {
  auto& s = *state_;
  while (!content.empty()) {
    if (!s.filling && !(s.filling = s.take_free()))
      return s.current_status();
    auto& block = s.filling->content;
    const auto size =
        std::min(content.size(), s.settings.block_size - block.size());
    block.insert(block.end(), content.begin(),
                 content.begin() + static_cast<std::ptrdiff_t>(size));
    content = content.subspan(size);
    s.position += size;
    if (block.size() == s.settings.block_size)
      s.hand_in(std::exchange(s.filling, nullptr));
  }
  return {};
}

jobs::status member_pipeline::cut() {
  auto& s = *state_;
  if (s.filling && !s.filling->content.empty())
    s.hand_in(std::exchange(s.filling, nullptr));
  return s.current_status();
}

jobs::result<pipeline_result> member_pipeline::finish() {
  auto& s = *state_;
  if (s.position == 0 && !s.filling && !(s.filling = s.take_free()))
    return s.current_status().error();
  if (s.filling)
    s.hand_in(std::exchange(s.filling, nullptr));
  {
    const std::lock_guard guard{s.mutex};
    s.is_closed = true;
  }
  s.changed.notify_all();
  s.threads.clear();
  if (s.failure)
    return *s.failure;
  s.made.sums = s.hash.finish();
  s.made.stored_blocks = s.stored_blocks;
  return std::move(s.made);
}

} // namespace alula::backup
