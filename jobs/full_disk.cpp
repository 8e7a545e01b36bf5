#include "jobs/full_disk.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace alula::jobs {

std::string readable_size(std::int64_t bytes) {
  constexpr std::array<const char*, 5> units{"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024)
    return std::to_string(bytes) + " bytes";
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < units.size(); ++unit)
    value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", value, units[unit]);
  return text.data();
}

std::string mount_of(std::string_view path) {
  std::filesystem::path at{path};
  if (!at.is_absolute())
    return {};
  struct stat here {};
  while (::stat(at.c_str(), &here) != 0) {
    if (!at.has_relative_path())
      return {};
    at = at.parent_path();
  }
  while (at.has_relative_path()) {
    struct stat above {};
    const auto parent = at.parent_path();
    if (::stat(parent.c_str(), &above) != 0 || above.st_dev != here.st_dev)
      break;
    at = parent;
  }
  return at.string();
}

std::string mount_of(int directory) {
  std::error_code failed;
  const auto path = std::filesystem::read_symlink(
      "/proc/self/fd/" + std::to_string(directory), failed);
  return failed ? std::string{} : mount_of(path.native());
}

std::string words_of_full_disk(int error_number, std::string_view path) {
  const auto mount = mount_of(path);
  struct statvfs disk {};
  if (mount.empty() || ::statvfs(mount.c_str(), &disk) != 0)
    return {};
  const auto unit = static_cast<std::int64_t>(disk.f_frsize);
  const auto free =
      readable_size(static_cast<std::int64_t>(disk.f_bavail) * unit);
  const auto total =
      readable_size(static_cast<std::int64_t>(disk.f_blocks) * unit);
  const auto room = free + " of " + total + " are free";
  if (error_number == EDQUOT)
    return "a quota on the disk at " + mount + " is used up; " + room;
  if (disk.f_files > 0 && disk.f_favail == 0)
    return "the disk at " + mount + " has no free inodes; " + room;
  return "the disk at " + mount + " is full: " + room;
}

} // namespace alula::jobs
