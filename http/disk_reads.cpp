#include "http/disk_reads.hpp"

#include <cerrno>
#include <exception>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <utility>

namespace alula::http {

namespace {

/// A second one goes on while the first waits for a slow place of the disk.
constexpr std::size_t threads_per_disk = 2;
/// A piece of each download there can be, and the end of each: a disk that does
/// not answer keeps also what clients wanted that have gone since.
constexpr std::size_t most_reads = 128;

/// By what the kernel remembers: a file server is not asked.
dev_t disk_of(int file) {
  struct statx seen {};
  if (::statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &seen) != 0)
    return 0;
  return ::makedev(seen.stx_dev_major, seen.stx_dev_minor);
}

void read_now(disk_read& what, const disk_reads::read_function& how,
              io_thread& back) {
  if (what.whose.expired())
    return;
  const int file = what.file;
  if (what.ahead > 0)
    ::posix_fadvise(file, what.offset, what.ahead, POSIX_FADV_WILLNEED);
  ssize_t got = 0;
  do
    got = how(file, what.into.data(), what.into.size(), what.offset);
  while (got < 0 && errno == EINTR);
  const auto failed = got < 0 ? std::error_code{errno, std::system_category()}
                              : std::error_code{};
  what.into.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  back.post([done = std::move(what.done), bytes = std::move(what.into),
             failed]() mutable { done(std::move(bytes), failed); });
}

} // namespace

disk_reads::disk_reads(std::shared_ptr<io_thread> back, read_function how)
  : back_(std::move(back)), how_(how ? std::move(how) : ::pread) {}

bool disk_reads::run(disk_read what) {
  try {
    auto& lane = lane_of(what.file);
    return lane.run([this, what = std::move(what)]() mutable {
      read_now(what, how_, *back_);
    });
  } catch (const std::system_error&) {
    return false;
  }
}

std::shared_ptr<const file_slice> disk_reads::lend(file_slice file) {
  return {new file_slice{std::move(file)}, [this](file_slice* gone) {
            let_go(*gone);
            delete gone;
          }};
}

void disk_reads::let_go(file_slice& gone) noexcept {
  if (!gone.hold)
    return;
  try {
    lane_of(gone.descriptor)
        .run_always([hold = std::move(gone.hold)]() mutable { hold.reset(); });
  } catch (const std::exception&) {
    gone.hold.reset(); // no thread is left to do it
  }
}

errands& disk_reads::lane_of(int file) {
  const auto next = known_.size() % most_lanes;
  auto& lane = lanes_.at(known_.try_emplace(disk_of(file), next).first->second);
  if (!lane)
    lane = std::make_unique<errands>(most_reads, threads_per_disk);
  return *lane;
}

} // namespace alula::http
