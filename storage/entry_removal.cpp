#include "storage/entry_removal.hpp"

#include "storage/file_system.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace alula::storage {

bool unlink_entry(int fd, const char* name, int flags) {
  if (::unlinkat(fd, name, flags) == 0)
    return true;
  return errno == EACCES && grant_access(fd)
         && ::unlinkat(fd, name, flags) == 0;
}

bool grant_access(int fd) {
  struct stat now {};
  if (::fstat(fd, &now) == 0 && (now.st_mode & S_IRWXU) != S_IRWXU
      && ::fchmod(fd, (now.st_mode & 07777) | S_IRWXU) == 0)
    return true;
  errno = EACCES;
  return false;
}

bool make_accessible(int parent_fd, const std::string& name) {
  const file_descriptor pinned{
      open_beneath(parent_fd, name.c_str(), O_PATH | O_DIRECTORY)};
  struct stat now {};
  if (!pinned.is_open() || ::fstat(pinned.get(), &now) != 0
      || (now.st_mode & S_IRWXU) == S_IRWXU)
    return false;
  const auto path = "/proc/self/fd/" + std::to_string(pinned.get());
  return ::chmod(path.c_str(), (now.st_mode & 07777) | S_IRWXU) == 0;
}

} // namespace alula::storage
