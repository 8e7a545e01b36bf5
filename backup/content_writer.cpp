#include "backup/content_writer.hpp"

#include "backup/file_io.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>
#include <span>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utility>

namespace alula::backup {

namespace {

constexpr std::size_t read_at_once = std::size_t{1024} * 1024;

} // namespace

content_writer::content_writer(member_pipeline& to, std::uint64_t read_limit,
                               const std::stop_token& stop,
                               std::function<void(std::size_t)> count)
  : to_(to), limit_(read_limit), stop_(stop), count_(std::move(count)),
    buffer_(read_at_once) {}

jobs::status content_writer::look_at_stop() const {
  if (!stop_.stop_requested())
    return {};
  return jobs::fault{.code = jobs::fault_code::interrupted,
                     .what = "the archive was asked to stop"};
}

jobs::result<std::string> content_writer::file(int fd, sparse_extent extent) {
  quiet_reader reader{fd, extent.at, extent.at + extent.size};
  return file_promptly(reader, extent.size, [] { return false; });
}

jobs::result<std::string>
content_writer::file_promptly(quiet_reader& from, std::uint64_t size,
                              const std::function<bool()>& go_on) {
  bool is_prompt = true;
  for (auto missing = size; missing > 0;) {
    const auto want = static_cast<std::size_t>(
        std::min<std::uint64_t>(missing, read_at_once));
    is_prompt = is_prompt && go_on();
    if (!is_prompt)
      (void)limit_.pass(want, stop_);
    if (auto asked = look_at_stop(); !asked)
      return std::move(asked).error();
    const auto got = from.read(buffer_.data(), want);
    if (got < 0 && is_shortage(errno))
      return jobs::system_fault(errno, "pread", "a file of the server");
    if (got <= 0) {
      auto what = (got < 0 ? "cannot be read (" + error_text(errno) + ")"
                           : std::string{"shrank"})
                  + "; its last " + std::to_string(missing)
                  + " bytes are zeros here";
      if (auto put = zeros(missing); !put)
        return std::move(put).error();
      return what;
    }
    const auto piece = static_cast<std::size_t>(got);
    if (auto put = to_.write({buffer_.data(), piece}); !put)
      return std::move(put).error();
    missing -= piece;
    count_(piece);
  }
  return std::string{};
}

/// Leaves the page cache as it was, or says that it cannot.
ssize_t content_writer::read_page(int fd, std::size_t size) {
  if (is_in_memory_)
    return ::pread(fd, buffer_.data(), size, 0);
  iovec piece{buffer_.data(), size};
  auto got = ::preadv2(fd, &piece, 1, 0, RWF_NOWAIT);
  if (got < 0 && errno == EAGAIN) { // its only page was not there
    got = ::pread(fd, buffer_.data(), size, 0);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  } else if (got < 0 && errno == EOPNOTSUPP) {
    struct statfs where {};
    is_in_memory_ = ::fstatfs(fd, &where) == 0 && where.f_type == TMPFS_MAGIC;
    if (is_in_memory_)
      return read_page(fd, size);
  }
  return got;
}

std::optional<byte_view> content_writer::small_file(int fd,
                                                    std::uint64_t size) {
  if (!limit_.pass(size, stop_))
    return std::nullopt;
  // One more byte tells whether it has grown.
  const auto got = read_page(fd, static_cast<std::size_t>(size) + 1);
  if (got < 0 || static_cast<std::uint64_t>(got) != size)
    return std::nullopt;
  count_(static_cast<std::size_t>(got));
  return byte_view{buffer_}.first(static_cast<std::size_t>(got));
}

jobs::status content_writer::text(std::string_view what) {
  return to_.write(std::as_bytes(std::span{what}));
}

jobs::status content_writer::zeros(std::uint64_t size) {
  const auto most = std::min<std::uint64_t>(size, buffer_.size());
  std::fill_n(buffer_.begin(), most, std::byte{0});
  while (size > 0) {
    if (auto asked = look_at_stop(); !asked)
      return asked;
    const auto part = std::min(size, most);
    if (auto put = to_.write({buffer_.data(), static_cast<std::size_t>(part)});
        !put)
      return put;
    size -= part;
    count_(0);
  }
  return {};
}

} // namespace alula::backup
