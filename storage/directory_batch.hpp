/// The names in a directory, some at a time, as the kernel gives them: for
/// trees that are too wide for a list of all names.
#pragma once

#include <algorithm>
#include <cstddef>
#include <dirent.h>
#include <iterator>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace alula::storage {

class directory_batch {
public:
  /// Of at most so many bytes.
  explicit directory_batch(std::size_t size) : bytes_(size) {}

  /// Reads on in the directory, at most `room` bytes; what was read before is
  /// gone. False when it fails, errno tells; is_end() when there is no more.
  bool read(int directory, std::size_t room) {
    size_ = ::syscall(SYS_getdents64, directory, bytes_.data(),
                      std::min(room, bytes_.size()));
    return size_ >= 0;
  }
  bool read(int directory) { return read(directory, bytes_.size()); }
  bool is_end() const { return size_ == 0; }

  /// Its entries but "." and "..". References stay good until the next read.
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = dirent64;
    using difference_type = std::ptrdiff_t;
    using pointer = const dirent64*;
    using reference = const dirent64&;

    iterator(const char* at, const char* end) : at_(at), end_(end) { skip(); }
    reference operator*() const { return *entry(); }
    pointer operator->() const { return entry(); }
    iterator& operator++() {
      at_ += entry()->d_reclen;
      skip();
      return *this;
    }
    friend bool operator==(const iterator& a, const iterator& b) {
      return a.at_ == b.at_;
    }

  private:
    const dirent64* entry() const {
      return reinterpret_cast<const dirent64*>(at_);
    }
    void skip() {
      while (at_ != end_ && is_dots(entry()->d_name))
        at_ += entry()->d_reclen;
    }
    static bool is_dots(std::string_view name) {
      return name == "." || name == "..";
    }
    const char* at_;
    const char* end_;
  };
  iterator begin() const { return {bytes_.data(), end_of_read()}; }
  iterator end() const { return {end_of_read(), end_of_read()}; }

private:
  const char* end_of_read() const {
    return bytes_.data() + std::max(size_, 0L);
  }

  std::vector<char> bytes_;
  long size_ = 0;
};

} // namespace alula::storage
