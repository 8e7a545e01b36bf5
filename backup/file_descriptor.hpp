/// The one way this folder opens things: below a directory descriptor,
/// following no link (openat2(2)).
#pragma once

#include "jobs/descriptor.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace alula::backup {

using file_descriptor = jobs::descriptor;

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
