#include "backup/archive_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace alula::backup {

namespace {

constexpr std::size_t read_ahead_size = std::size_t{8} * 1024 * 1024;

} // namespace

jobs::fault damaged_archive(std::string what) {
  return {.code = jobs::fault_code::backup_damaged,
          .what = "the archive is damaged: " + std::move(what)};
}

archive_file::archive_file(int fd, std::uint64_t size, sums wanted,
                           bool drop_behind)
  : fd_(fd), size_(size), wanted_(wanted), drop_behind_(drop_behind) {
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

jobs::status archive_file::read(std::uint64_t at, std::span<std::byte> into) {
  if (given_up_)
    return jobs::fault{.code = jobs::fault_code::interrupted,
                       .what = "reading the archive was given up"};
  const auto from = static_cast<off_t>(at);
  ::posix_fadvise(fd_, from + static_cast<off_t>(into.size()), read_ahead_size,
                  POSIX_FADV_WILLNEED);
  std::size_t done = 0;
  while (done < into.size()) {
    const auto got = ::pread(fd_, into.data() + done, into.size() - done,
                             from + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return unread(at + done, errno);
    if (got == 0)
      return ends_at(at + done);
    done += static_cast<std::size_t>(got);
  }
  if (drop_behind_)
    ::posix_fadvise(fd_, from, static_cast<off_t>(into.size()),
                    POSIX_FADV_DONTNEED);
  if (wanted_ != sums::none && at <= hashed_ && at + into.size() > hashed_) {
    hash_.update(into.subspan(static_cast<std::size_t>(hashed_ - at)));
    hashed_ = at + into.size();
  }
  return {};
}

jobs::fault archive_file::ends_at(std::uint64_t offset) const {
  struct stat now {};
  if (::fstat(fd_, &now) != 0)
    return unread(offset, errno);
  // A file system that gives less than it says has failed to read.
  if (static_cast<std::uint64_t>(now.st_size) > offset)
    return unread(offset, EIO);
  return damaged_archive("it became shorter while it was read, at offset "
                         + std::to_string(offset));
}

jobs::fault archive_file::unread(std::uint64_t offset, int error) {
  auto out = jobs::system_fault(error, "reading it", "the archive");
  out.what += ", at offset " + std::to_string(offset)
              + "; whether the archive is good is not known";
  return out;
}

jobs::result<checksums> archive_file::finish_sums() {
  raw_buffer buffer;
  while (wanted_ != sums::none && hashed_ < size_) {
    const auto piece = buffer.room(
        static_cast<std::size_t>(std::min<std::uint64_t>(1 << 20, //
                                                         size_ - hashed_)));
    if (auto got = read(hashed_, piece); !got)
      return std::move(got).error();
  }
  return hash_.finish();
}

} // namespace alula::backup
