#include "backup/quiet_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace alula::backup {

namespace {

constexpr std::uint64_t window_size = std::uint64_t{2} * 1024 * 1024;
constexpr std::uint64_t page = 4096;

bool is_there(unsigned char told) {
  return (told & 1U) != 0;
}

/// Nothing is touched: a mapping whose pages are not looked at reads none.
bool look(int fd, std::uint64_t begin, std::uint64_t end,
          std::vector<unsigned char>& pages) {
  const auto size = static_cast<std::size_t>(end - begin);
  auto* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd,
                    static_cast<off_t>(begin));
  if (at == MAP_FAILED)
    return false;
  pages.assign((size + page - 1) / page, 1);
  const bool told = ::mincore(at, size, pages.data()) == 0;
  ::munmap(at, size);
  return told;
}

/// Calls `take(begin, end)` for every run of pages that are not there.
template<class Take>
void each_absent(std::uint64_t begin, const std::vector<unsigned char>& pages,
                 Take take) {
  for (std::size_t i = 0; i < pages.size();) {
    auto after = i;
    while (after < pages.size() && !is_there(pages[after]))
      ++after;
    if (after > i)
      take(begin + i * page, begin + after * page);
    i = after + 1;
  }
}

void drop_pages(int fd, std::uint64_t begin, std::uint64_t end) {
  ::posix_fadvise(fd, static_cast<off_t>(begin),
                  static_cast<off_t>(end - begin), POSIX_FADV_DONTNEED);
}

} // namespace

quiet_reader::quiet_reader(int fd, std::uint64_t begin, std::uint64_t end)
  : fd_(fd), offset_(begin), end_(end) {
  here_.end = next_.end = begin / page * page;
  look_ahead();
}

quiet_reader::~quiet_reader() {
  drop(here_);
  drop(next_);
}

/// `next_` becomes the part after it, asked for if it is not in the cache.
void quiet_reader::look_ahead() {
  next_.begin = next_.end;
  next_.end = std::min(next_.begin + window_size, end_);
  next_.pages.clear();
  if (next_.begin >= next_.end) {
    next_.end = next_.begin;
    return;
  }
  if (!look(fd_, next_.begin, next_.end, next_.pages)
      || std::ranges::all_of(next_.pages, is_there)) {
    next_.pages.clear();
    return;
  }
  // Its own reading ahead would put pages into the cache that are then taken
  // for somebody else's.
  if (!std::exchange(is_random_, true))
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_RANDOM);
  ::posix_fadvise(fd_, static_cast<off_t>(next_.begin),
                  static_cast<off_t>(next_.end - next_.begin),
                  POSIX_FADV_WILLNEED);
}

void quiet_reader::drop(window& read) const {
  each_absent(read.begin, read.pages,
              [&](auto begin, auto end) { drop_pages(fd_, begin, end); });
  read.pages.clear();
}

ssize_t quiet_reader::read(std::byte* into, std::size_t size) {
  if (offset_ >= here_.end) {
    drop(here_);
    std::swap(here_, next_);
    next_.end = here_.end;
    look_ahead();
  }
  const auto most = std::min(here_.end, end_);
  size = static_cast<std::size_t>(
      std::min<std::uint64_t>(size, most > offset_ ? most - offset_ : 0));
  if (size == 0)
    return 0;
  ssize_t got = 0;
  do {
    got = ::pread(fd_, into, size, static_cast<off_t>(offset_));
  } while (got < 0 && errno == EINTR);
  if (got > 0)
    offset_ += static_cast<std::uint64_t>(got);
  return got;
}

// -- a whole file
// ---------------------------------------------------------------

page_memory::page_memory(int fd) : fd_(fd) {
  constexpr std::uint64_t at_once = std::uint64_t{256} * 1024 * 1024;
  constexpr std::size_t most_ranges = 100'000;
  struct stat seen {};
  if (::fstat(fd, &seen) != 0)
    return;
  const auto size = static_cast<std::uint64_t>(seen.st_size);
  std::vector<unsigned char> pages;
  for (std::uint64_t at = 0; at < size && absent_.size() < most_ranges;
       at += at_once)
    if (look(fd, at, std::min(at + at_once, size), pages))
      each_absent(at, pages, [&](auto begin, auto end) {
        absent_.push_back({begin, end});
      });
}

page_memory::~page_memory() {
  for (const auto& each : absent_)
    drop_pages(fd_, each.begin, each.end);
}

} // namespace alula::backup
