/// The bytes of an archive as they lie on the disk, read by offset.
#pragma once

#include "backup/digest.hpp"
#include "jobs/result.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace alula::backup {

jobs::fault damaged_archive(std::string what);

/// Memory that is not cleared before it is used, grown as needed.
class raw_buffer {
public:
  /// Room for `size` bytes; what was in it is gone when it has to grow.
  std::span<std::byte> room(std::size_t size) {
    if (size > capacity_) {
      data_ = std::make_unique_for_overwrite<std::byte[]>(size);
      capacity_ = size;
    }
    size_ = size;
    return {data_.get(), size};
  }
  void shorten(std::size_t size) { size_ = size; }
  byte_view view() const { return {data_.get(), size_}; }

private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

/// Read by one thread at a time; give_up() is for any thread.
class archive_file {
public:
  /// `fd` is not owned.
  archive_file(int fd, std::uint64_t size, sums wanted, bool drop_behind);

  std::uint64_t size() const { return size_; }

  /// Fills `into` from `at` on. Bytes are hashed once, when they are read in
  /// order for the first time. Faults: backup_damaged when the file is shorter
  /// than it was; io_error when it cannot be read, which says nothing about
  /// what is in it; interrupted after give_up().
  jobs::status read(std::uint64_t at, std::span<std::byte> into);

  void give_up() { given_up_ = true; }
  void go_on() { given_up_ = false; }

  /// Hashes what has not been read yet and ends the digest. What is not wanted
  /// is empty.
  jobs::result<checksums> finish_sums();

private:
  static jobs::fault unread(std::uint64_t offset, int error);
  jobs::fault ends_at(std::uint64_t offset) const;

  int fd_;
  std::uint64_t size_;
  sums wanted_;
  bool drop_behind_;
  std::atomic<bool> given_up_ = false;
  digest hash_{wanted_};
  std::uint64_t hashed_ = 0;
};

} // namespace alula::backup
