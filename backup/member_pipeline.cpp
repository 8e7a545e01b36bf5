#include "backup/member_pipeline.hpp"

#include "backup/file_io.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace alula::backup {

struct member_pipeline::state {
  /// One block on its way. Slots are used again, with their memory.
  struct slot {
    bytes content;
    bytes member;
    bool is_encoded = false;
    int readers = 0; ///< of the member, that are not through with it
  };
  using slots_in_order = std::deque<slot*>;

  pipeline_settings settings;
  sink to;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<slot>> slots;
  std::deque<slot*> free;
  std::deque<slot*> to_encode;
  slots_in_order to_write; ///< handed in and not yet written
  slots_in_order to_hash;  ///< the same, not yet in the SHA-256
  bool is_closed = false;
  std::optional<jobs::fault> failure;

  slot* filling = nullptr; ///< of the writing thread alone
  std::uint64_t position = 0;

  // Of the sink's thread alone, until it has ended.
  digest sha1{sums::sha1};
  pipeline_result made;
  // Of a thread of its own: both on one take longer than to store a block.
  digest sha256{sums::sha256};
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
    try {
      for (unsigned i = 0; i < settings.threads; ++i)
        threads.emplace_back([this] { encode_blocks(); });
      threads.emplace_back([this] { drain(); });
      threads.emplace_back([this] { hash_members(); });
    } catch (const std::system_error& why) { // what the first write() is told
      give_up(no_thread(why));
    }
  }

  ~state() {
    give_up({.code = jobs::fault_code::interrupted,
             .what = "the archive was given up"});
  }

  /// Lets every thread come to its end.
  void give_up(jobs::fault why) {
    {
      const std::lock_guard guard{mutex};
      is_closed = true;
      to_encode.clear();
      if (!failure)
        failure = std::move(why);
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
    taken->readers = 2;
    return taken;
  }

  void hand_in(slot* filled) {
    {
      const std::lock_guard guard{mutex};
      to_encode.push_back(filled);
      to_write.push_back(filled);
      to_hash.push_back(filled);
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

  /// The oldest block as soon as it is encoded; null at the end.
  slot* oldest(slots_in_order& of) {
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] {
      return failure || (!of.empty() && of.front()->is_encoded)
             || (is_closed && of.empty());
    });
    return failure || of.empty() ? nullptr : of.front();
  }

  /// Of both readers the later one lets the block be used again.
  void drop_oldest(slots_in_order& of, jobs::status outcome) {
    {
      const std::lock_guard guard{mutex};
      auto* done = of.front();
      of.pop_front();
      if (--done->readers == 0)
        free.push_back(done);
      if (!outcome && !failure)
        failure = std::move(outcome).error();
    }
    changed.notify_all();
  }

  void drain() {
    while (const auto* block = oldest(to_write)) {
      made.members.push_back({made.content_bytes, made.archive_bytes});
      sha1.update(block->member);
      auto written = to(block->member);
      made.content_bytes += block->content.size();
      made.archive_bytes += block->member.size();
      drop_oldest(to_write, std::move(written));
    }
  }

  void hash_members() {
    while (const auto* block = oldest(to_hash)) {
      sha256.update(block->member);
      drop_oldest(to_hash, {});
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
  s.made.sums = {s.sha1.finish().sha1, s.sha256.finish().sha256};
  s.made.stored_blocks = s.stored_blocks;
  return std::move(s.made);
}

} // namespace alula::backup
