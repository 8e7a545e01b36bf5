#include "backup/archive_reader.hpp"

#include "backup/archive_file.hpp"
#include "backup/file_io.hpp"
#include "backup/noted_members.hpp"
#include "backup/stream_decoder.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <utility>

namespace alula::backup {

namespace {

constexpr std::size_t decoded_at_once = std::size_t{1024} * 1024;
constexpr std::size_t trailer_size = 8; // RFC 1952, 2.3.1

bool is_usable(const std::vector<member_position>& members,
               std::uint64_t size) {
  if (members.empty() || members.front() != member_position{})
    return false;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto& it = members[i];
    const bool is_last = i + 1 == members.size();
    const auto end = is_last ? size : members[i + 1].archive;
    if (end <= it.archive || end > size || end - it.archive > most_of_archive)
      return false;
    if (!is_last
        && (members[i + 1].content < it.content
            || members[i + 1].content - it.content > most_in_member))
      return false;
  }
  return true;
}

/// The size of the content as the member's own end tells it, modulo 4 GiB.
std::uint64_t told_size(byte_view member) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 4 && member.size() >= trailer_size; ++i)
    out |= std::to_integer<std::uint64_t>(member[member.size() - 4 + i])
           << (8 * i);
  return out;
}

/// False: not one whole member of the size the index says.
bool decode_whole(libdeflate_decompressor* decoder, byte_view raw,
                  std::optional<std::uint64_t> expected, raw_buffer& content) {
  const auto size = told_size(raw);
  if (size > most_in_member || size != expected.value_or(size))
    return false;
  const auto room = content.room(static_cast<std::size_t>(size));
  std::byte nothing{};
  std::size_t consumed = 0;
  std::size_t made = 0;
  const auto code = ::libdeflate_gzip_decompress_ex(
      decoder, raw.data(), raw.size(), room.empty() ? &nothing : room.data(),
      room.size(), &consumed, &made);
  return code == LIBDEFLATE_SUCCESS && consumed == raw.size()
         && made == room.size();
}

} // namespace

struct archive_reader::state {
  /// One piece on its way. Slots are used again, with their memory.
  struct slot {
    raw_buffer raw;
    raw_buffer content;
    std::uint64_t at = 0;  ///< of the member in the archive
    std::uint64_t end = 0; ///< how far the archive was read for it
    std::optional<std::uint64_t>
        expected; ///< content bytes, if the index knows
    bool is_ready = false;
    bool is_wrong = false; ///< not what the index says: read on front to back
    std::optional<jobs::fault> failure;
  };

  archive_file file;
  reader_settings settings;
  coding how;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<slot>> slots;
  std::deque<slot*> free;
  std::deque<slot*> to_decode;
  std::deque<slot*> in_order; ///< not yet handed out
  bool is_fed = false;        ///< nothing more will come
  bool is_closed = false;

  noted_members noted; ///< of the decoding thread, until it has ended

  slot* handed_out = nullptr; ///< of the consuming thread alone
  std::uint64_t position = 0;
  std::uint64_t archive_position = 0;
  std::optional<jobs::fault> failure; ///< of starting threads

  std::vector<std::jthread> threads;

  state(int fd, std::uint64_t size, reader_settings chosen, coding found)
    : file(fd, size, chosen.wanted, chosen.drop_behind),
      settings(std::move(chosen)), how(found) {
    settings.threads = std::clamp(settings.threads, 1U, 64U);
    if (how == coding::gzip && is_usable(settings.members, size))
      start_members();
    else
      start_stream(0);
  }

  ~state() { stop(); }

  // -- life -------------------------------------------------------------------

  void make_slots(unsigned count) {
    while (slots.size() < count)
      slots.push_back(std::make_unique<slot>());
    for (auto& each : slots)
      free.push_back(each.get());
  }

  void start_members() {
    make_slots(settings.threads + 3);
    start([this] {
      threads.emplace_back([this] { feed_members(); });
      for (unsigned i = 0; i < settings.threads; ++i)
        threads.emplace_back([this] { decode_members(); });
    });
  }

  void start_stream(std::uint64_t at) {
    make_slots(4);
    start([this, at] {
      threads.emplace_back([this, at] { decode_stream(at); });
    });
  }

  /// Too few threads are none, and what the next read is told.
  template<class Start>
  void start(const Start& them) {
    try {
      them();
    } catch (const std::system_error& why) {
      stop();
      failure = no_thread(why);
    }
  }

  void stop() {
    file.give_up();
    {
      const std::lock_guard guard{mutex};
      is_closed = true;
    }
    changed.notify_all();
    threads.clear();
  }

  /// What the index says about `at` is not what lies there: everything before
  /// was whole members, so one must begin here.
  void read_on_from(std::uint64_t at) {
    stop();
    free.clear();
    to_decode.clear();
    in_order.clear();
    is_closed = is_fed = false;
    file.go_on();
    start_stream(at);
  }

  // -- threads ----------------------------------------------------------------

  /// Null when the reader is closed.
  slot* take_free() {
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] { return !free.empty() || is_closed; });
    if (is_closed)
      return nullptr;
    auto* taken = free.front();
    free.pop_front();
    taken->is_ready = taken->is_wrong = false;
    taken->failure.reset();
    taken->expected.reset();
    return taken;
  }

  void put(slot* filled, bool is_ready) {
    {
      const std::lock_guard guard{mutex};
      filled->is_ready = is_ready;
      in_order.push_back(filled);
      if (!is_ready)
        to_decode.push_back(filled);
    }
    changed.notify_all();
  }

  void end() {
    {
      const std::lock_guard guard{mutex};
      is_fed = true;
    }
    changed.notify_all();
  }

  void feed_members() {
    const auto& members = settings.members;
    for (std::size_t i = 0; i < members.size(); ++i) {
      auto* mine = take_free();
      if (mine == nullptr)
        return;
      const bool is_last = i + 1 == members.size();
      const auto to = is_last ? file.size() : members[i + 1].archive;
      mine->at = members[i].archive;
      mine->end = to;
      if (!is_last)
        mine->expected = members[i + 1].content - members[i].content;
      auto got = file.read(
          mine->at, mine->raw.room(static_cast<std::size_t>(to - mine->at)));
      if (!got) {
        mine->failure = std::move(got).error();
        put(mine, true);
        break;
      }
      put(mine, false);
    }
    end();
  }

  void decode_members() {
    const std::unique_ptr<libdeflate_decompressor,
                          void (*)(libdeflate_decompressor*)>
        decoder{::libdeflate_alloc_decompressor(),
                ::libdeflate_free_decompressor};
    for (;;) {
      slot* mine = nullptr;
      {
        std::unique_lock lock{mutex};
        changed.wait(lock,
                     [&] { return !to_decode.empty() || is_fed || is_closed; });
        if (to_decode.empty() || is_closed)
          return;
        mine = to_decode.front();
        to_decode.pop_front();
      }
      const bool is_right = decode_whole(decoder.get(), mine->raw.view(),
                                         mine->expected, mine->content);
      {
        const std::lock_guard guard{mutex};
        mine->is_wrong = !is_right;
        mine->is_ready = true;
      }
      changed.notify_all();
    }
  }

  void decode_stream(std::uint64_t at) {
    member_seen seen;
    if (settings.note_members && at == 0)
      seen = [this](const member_position& next) { noted.add(next); };
    const auto decoder = how == coding::gzip
                             ? gzip_decoder(file, at, std::move(seen))
                             : zstd_decoder(file);
    while (auto* mine = take_free()) {
      auto made = decoder->decode(mine->content.room(decoded_at_once));
      mine->content.shorten(made ? *made : 0);
      mine->end = decoder->position();
      if (!made)
        mine->failure = std::move(made).error();
      const bool is_last = mine->content.view().empty();
      put(mine, true);
      if (is_last)
        break;
    }
    end();
  }

  // -- the consumer -----------------------------------------------------------

  /// The oldest piece once it is ready; null at the end.
  slot* take_in_order() {
    std::unique_lock lock{mutex};
    if (handed_out != nullptr)
      free.push_back(std::exchange(handed_out, nullptr));
    changed.notify_all();
    changed.wait(lock, [&] {
      return in_order.empty() ? is_fed : in_order.front()->is_ready;
    });
    if (in_order.empty())
      return nullptr;
    auto* first = in_order.front();
    in_order.pop_front();
    return first;
  }

  jobs::result<byte_view> next() {
    for (;;) {
      if (failure)
        return *failure;
      auto* first = take_in_order();
      if (first == nullptr)
        return byte_view{};
      handed_out = first;
      if (first->failure)
        return *first->failure;
      if (first->is_wrong) {
        handed_out = nullptr;
        read_on_from(first->at);
        continue;
      }
      const auto content = first->content.view();
      position += content.size();
      archive_position = first->end;
      if (!content.empty()) // members may hold nothing
        return content;
    }
  }
};

archive_reader::archive_reader(std::unique_ptr<state> held)
  : state_(std::move(held)) {}

archive_reader::~archive_reader() = default;

jobs::result<std::unique_ptr<archive_reader>>
archive_reader::open(int archive, reader_settings settings) {
  struct stat seen {};
  if (::fstat(archive, &seen) != 0)
    return jobs::system_fault(errno, "fstat", "the archive");
  const auto size = static_cast<std::uint64_t>(seen.st_size);
  archive_file start{archive, size, sums::none, false};
  auto how = coding_of(start);
  if (!how)
    return std::move(how).error();
  return std::unique_ptr<archive_reader>{new archive_reader{
      std::make_unique<state>(archive, size, std::move(settings), *how)}};
}

jobs::result<byte_view> archive_reader::next() {
  return state_->next();
}

std::uint64_t archive_reader::size() const {
  return state_->file.size();
}

std::uint64_t archive_reader::position() const {
  return state_->position;
}

std::vector<member_position> archive_reader::found_members() const {
  return state_->noted.up_to({state_->position, state_->file.size()});
}

std::uint64_t archive_reader::archive_position() const {
  return state_->archive_position;
}

jobs::result<checksums> archive_reader::finish_sums() {
  state_->stop();
  state_->file.go_on();
  return state_->file.finish_sums();
}

} // namespace alula::backup
