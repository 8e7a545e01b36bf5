/// An open descriptor and the one way this folder opens things: below a
/// directory descriptor, following no link (openat2(2)).
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace alula::backup {

class file_descriptor {
public:
  file_descriptor() = default;
  explicit file_descriptor(int fd) : fd_(fd) {}
  file_descriptor(file_descriptor&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~file_descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

private:
  int fd_ = -1;
};

/// openat2 that stays below `directory`, crosses no mount and follows no link,
/// the last name included. -1 and errno on failure (EXDEV: a mount, ELOOP: a
/// link).
inline file_descriptor open_beneath(int directory, const char* path, int flags,
                                    mode_t mode = 0) {
  open_how how{};
  how.flags = static_cast<__u64>(flags | O_CLOEXEC | O_NOFOLLOW);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
                | RESOLVE_NO_XDEV;
  return file_descriptor{static_cast<int>(
      ::syscall(SYS_openat2, directory, path, &how, sizeof how))};
}

} // namespace alula::backup
