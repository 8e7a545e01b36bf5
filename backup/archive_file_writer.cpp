#include "backup/archive_file_writer.hpp"

#include "backup/file_io.hpp"

#include <cerrno>
#include <utility>

namespace alula::backup {

namespace {

constexpr std::uint64_t window = std::uint64_t{8} * 1024 * 1024;
/// So much may be on its way to the disk before write() waits for it.
constexpr std::uint64_t most_behind = 4 * window;

} // namespace

archive_file_writer::archive_file_writer(file_descriptor file, std::string path,
                                         std::uint64_t limit,
                                         std::stop_token stop,
                                         std::function<void(std::size_t)> spent)
  : file_(std::move(file)), path_(std::move(path)), limit_(limit),
    stop_(std::move(stop)), spent_(std::move(spent)) {}

jobs::status archive_file_writer::write(byte_view data) {
  if (!limit_.pass(data.size(), stop_))
    return jobs::fault{.code = jobs::fault_code::interrupted,
                       .what = "the archive was asked to stop"};
  if (auto written = write_all(file_.get(), data, path_); !written)
    return written;
  size_ += data.size();
  spent_(data.size());
  return size_ - pushed_ >= window ? push_out() : jobs::status{};
}

jobs::status archive_file_writer::push_out() {
  const auto fd = file_.get();
  ::sync_file_range(fd, static_cast<off_t>(pushed_),
                    static_cast<off_t>(size_ - pushed_), SYNC_FILE_RANGE_WRITE);
  pushed_ = size_;
  if (pushed_ - dropped_ < most_behind)
    return {};
  const auto at = static_cast<off_t>(dropped_);
  const auto length = static_cast<off_t>(window);
  constexpr unsigned wait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE
                            | SYNC_FILE_RANGE_WAIT_AFTER;
  if (::sync_file_range(fd, at, length, wait) != 0
      && (errno == EIO || errno == ENOSPC || errno == EDQUOT))
    return jobs::system_fault(errno, "sync_file_range", path_);
  ::posix_fadvise(fd, at, length, POSIX_FADV_DONTNEED);
  dropped_ += window;
  return {};
}

jobs::status archive_file_writer::make_durable() {
  if (auto synced = backup::make_durable(file_.get(), path_); !synced)
    return synced;
  ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
  return {};
}

} // namespace alula::backup
