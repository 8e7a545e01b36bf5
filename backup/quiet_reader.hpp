/// Reading other people's files without a trace in the page cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <sys/types.h>
#include <vector>

namespace alula::backup {

/// Reads a piece of a file front to back and leaves the page cache as it was:
/// pages that were not in it are dropped again, all others stay. Reads ahead
/// by itself, never past the piece. Where it may not be seen what is in the
/// cache (mincore(2): neither root nor the owner), nothing is dropped.
class quiet_reader {
public:
  quiet_reader(int fd, std::uint64_t begin, std::uint64_t end);
  ~quiet_reader();
  quiet_reader(const quiet_reader&) = delete;
  quiet_reader& operator=(const quiet_reader&) = delete;

  /// Like read(2); 0 at the end of the piece or of the file.
  ssize_t read(std::byte* into, std::size_t size);

private:
  /// A part of the file: what of it is in the cache, and what is on its way.
  struct window {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::vector<unsigned char> pages; ///< as mincore tells; empty: leave it
  };

  void look_ahead();
  void drop(window& read) const;

  int fd_;
  std::uint64_t offset_;
  std::uint64_t end_;
  bool is_random_ = false; ///< the kernel was told not to read ahead
  window here_;
  window next_;
};

/// The same for who reads the whole of a file more than once: what was not in
/// the page cache when this was made is dropped from it at its end.
class page_memory {
public:
  explicit page_memory(int fd);
  ~page_memory();
  page_memory(const page_memory&) = delete;
  page_memory& operator=(const page_memory&) = delete;

private:
  struct range {
    std::uint64_t begin;
    std::uint64_t end;
  };
  int fd_;
  std::vector<range> absent_;
};

} // namespace alula::backup
