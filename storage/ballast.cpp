#include "storage/ballast.hpp"

#include "storage/file_system.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace alula::storage {

namespace {

// Taking the last of a disk would starve the servers for the ledger's sake.
constexpr std::int64_t wanted_room = 3;

constexpr std::int64_t bytes_per_block = 512; // st_blocks, stat(2)

} // namespace

ballast::ballast(const std::filesystem::path& ledger, std::int64_t bytes)
  : file_(ledger), bytes_(bytes) {
  file_ += ".ballast";
  struct ::stat found {};
  if (::stat(file_.c_str(), &found) == 0)
    held_ = found.st_blocks * bytes_per_block;
}

bool ballast::release() {
  if (held_ == 0)
    return false;
  held_ = 0;
  return ::truncate(file_.c_str(), 0) == 0;
}

std::int64_t ballast::room_needed() const {
  return bytes_ * wanted_room;
}

jobs::result<std::int64_t> ballast::free_room() const {
  const auto directory = file_.has_parent_path() ? file_.parent_path() : ".";
  struct ::statvfs room {};
  if (::statvfs(directory.c_str(), &room) != 0)
    return jobs::system_fault(errno, "statvfs", directory.native());
  return static_cast<std::int64_t>(room.f_bavail)
         * static_cast<std::int64_t>(room.f_frsize);
}

jobs::result<bool> ballast::restore() {
  if (bytes_ == 0 || held_ >= bytes_)
    return true;
  const auto free = free_room();
  if (!free)
    return free.error();
  if (*free < room_needed())
    return false;
  const file_descriptor fd{
      ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd.is_open())
    return jobs::system_fault(errno, "open", file_.native());
  if (const int error = ::posix_fallocate(fd.get(), 0, bytes_); error != 0) {
    (void)::ftruncate(fd.get(), 0);
    return jobs::system_fault(error, "posix_fallocate", file_.native());
  }
  held_ = bytes_;
  return true;
}

} // namespace alula::storage
