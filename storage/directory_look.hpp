/// Gives one directory the owner, mode and times of another.
#pragma once

#include "jobs/result.hpp"

#include <cerrno>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace alula::storage {

/// Owner and mode, where they differ.
inline jobs::status dress(int fd, const struct stat& as,
                          const std::string& path) {
  struct stat now {};
  if (::fstat(fd, &now) != 0)
    return jobs::system_fault(errno, "fstat", path);
  const bool is_given = now.st_uid != as.st_uid || now.st_gid != as.st_gid;
  if (is_given && ::fchown(fd, as.st_uid, as.st_gid) != 0)
    return jobs::system_fault(errno, "fchown", path);
  const bool is_other = is_given || now.st_mode != as.st_mode;
  if (is_other && ::fchmod(fd, as.st_mode & 07777) != 0)
    return jobs::system_fault(errno, "fchmod", path);
  return {};
}

/// Its times of access and change, as they were.
inline jobs::status set_time(int fd, const struct stat& as,
                             const std::string& path) {
  const timespec times[] = {as.st_atim, as.st_mtim};
  if (::futimens(fd, times) != 0)
    return jobs::system_fault(errno, "futimens", path);
  return {};
}

} // namespace alula::storage
