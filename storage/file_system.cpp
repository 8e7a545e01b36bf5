#include "storage/file_system.hpp"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <system_error>
#include <unistd.h>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::status;
using jobs::system_fault;

namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

/// Mode, owner and the fsync of the new directory itself; its name is made
/// durable by the caller.
status take_ownership(int fd, const ownership& owner, const std::string& path) {
  struct stat now {};
  if (::fstat(fd, &now) != 0)
    return system_fault(errno, "fstat", path);
  if (now.st_uid != owner.uid || now.st_gid != owner.gid)
    if (::fchown(fd, owner.uid, owner.gid) != 0)
      return system_fault(errno, "fchown", path);
  if ((now.st_mode & 07777) != owner.mode)
    if (::fchmod(fd, owner.mode) != 0)
      return system_fault(errno, "fchmod", path);
  if (::fsync(fd) != 0)
    return system_fault(errno, "fsync", path);
  return {};
}

status sync_path(const std::filesystem::path& path) {
  const file_descriptor fd{::open(path.c_str(), directory_flags)};
  if (!fd.is_open())
    return system_fault(errno, "open", path.string());
  if (::fsync(fd.get()) != 0)
    return system_fault(errno, "fsync", path.string());
  return {};
}

/// The existing part is resolved by the kernel; each missing level is made and
/// its parent synced before the next.
status make_path(const std::filesystem::path& path,
                 const std::optional<ownership>& owner) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return {};
  const auto parent = path.parent_path();
  if (parent != path)
    if (auto made = make_path(parent, std::nullopt); !made)
      return made;
  if (::mkdir(path.c_str(), owner ? 0700 : 0755) != 0)
    return system_fault(errno, "mkdir", path.string());
  if (owner) {
    const file_descriptor fd{
        ::open(path.c_str(), directory_flags | O_NOFOLLOW)};
    if (!fd.is_open())
      return system_fault(errno, "open", path.string());
    if (auto owned = take_ownership(fd.get(), *owner, path.string()); !owned)
      return owned;
  }
  return sync_path(parent);
}

int open_resolved(int parent, const char* path, int flags,
                  std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.resolve = resolve;
  for (;;) {
    const auto fd = ::syscall(SYS_openat2, parent, path, &how, sizeof how);
    if (fd >= 0)
      return static_cast<int>(fd);
    // EAGAIN: a rename elsewhere raced with the walk (openat2(2)).
    if (errno != EINTR && errno != EAGAIN)
      return -errno;
  }
}

bool is_empty(int fd) {
  const file_descriptor again{::openat(fd, ".", directory_flags)};
  if (!again.is_open())
    return false;
  alignas(dirent64) char buffer[1024];
  long names = 0;
  for (;;) {
    const auto got =
        ::syscall(SYS_getdents64, again.get(), buffer, sizeof buffer);
    if (got < 0)
      return false;
    if (got == 0)
      return true;
    for (long at = 0; at < got; ++names) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
    }
    if (names > 2) // more than "." and ".."
      return false;
  }
}

} // namespace

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".."
         && name.find('/') == name.npos && name.find('\0') == name.npos;
}

file_identity identity_of(const struct ::statx& found) {
  return {gnu_dev_makedev(found.stx_dev_major, found.stx_dev_minor),
          found.stx_mnt_id, found.stx_ino};
}

result<file_identity> identify(int fd, std::string_view path) {
  struct statx found {};
  if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
              STATX_INO | STATX_MNT_ID, &found)
      != 0)
    return system_fault(errno, "statx", path);
  if ((found.stx_mask & STATX_MNT_ID) == 0)
    return fault{fault_code::io_error,
                 "The kernel does not tell mount ids; alula needs Linux 5.8 "
                 "or newer to keep off foreign mounts.",
                 std::string{path}};
  return identity_of(found);
}

result<directory> open_root(const std::filesystem::path& path,
                            const std::optional<ownership>& owner) {
  std::error_code failed;
  auto absolute = std::filesystem::absolute(path, failed).lexically_normal();
  if (failed || path.empty())
    return system_fault(path.empty() ? ENOENT : failed.value(), "open",
                        path.string());
  if (!absolute.has_filename()) // "/srv/volumes/"
    absolute = absolute.parent_path();
  if (auto made = make_path(absolute, owner); !made)
    return std::move(made).error();
  directory dir;
  dir.path = std::filesystem::canonical(absolute, failed);
  if (failed)
    return system_fault(failed.value(), "realpath", absolute.string());
  dir.fd = file_descriptor{::open(dir.path.c_str(), directory_flags)};
  if (!dir.fd.is_open())
    return system_fault(errno, "open", dir.path.string());
  auto identity = identify(dir.fd.get(), dir.path.string());
  if (!identity)
    return std::move(identity).error();
  dir.identity = *identity;
  return dir;
}

int open_beneath(int parent, const char* name, int flags) {
  return open_resolved(parent, name, flags | O_NOFOLLOW,
                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
                           | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

int open_inside(int root, const char* path, int flags) {
  return open_resolved(root, path, flags,
                       RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS
                           | RESOLVE_NO_XDEV);
}

status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const auto wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote < 0)
      return system_fault(errno, "write", path);
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

status sync_directory(const directory& dir) {
  if (::fsync(dir.fd.get()) != 0)
    return system_fault(errno, "fsync", dir.path.string());
  return {};
}

result<bool> make_directory(const directory& parent, const std::string& name,
                            const ownership& owner) {
  const bool made = ::mkdirat(parent.fd.get(), name.c_str(), 0700) == 0;
  if (!made && errno != EEXIST)
    return system_fault(errno, "mkdir", parent.path_of(name));
  const file_descriptor fd{
      open_beneath(parent.fd.get(), name.c_str(), directory_flags)};
  // Not a negative errno any more: close() of such a value is never called.
  if (!fd.is_open()) {
    if (!made && fd.get() == -EXDEV)
      return false; // a mount of the operator's: adopted as it is
    return system_fault(-fd.get(), "open", parent.path_of(name));
  }
  if (made || is_empty(fd.get()))
    if (auto owned = take_ownership(fd.get(), owner, parent.path_of(name));
        !owned)
      return std::move(owned).error();
  if (auto synced = sync_directory(parent); !synced)
    return std::move(synced).error();
  return made;
}

result<bool> is_taken(const directory& dir, const std::string& name) {
  struct stat found {};
  if (::fstatat(dir.fd.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0)
    return true;
  if (errno == ENOENT)
    return false;
  return system_fault(errno, "stat", dir.path_of(name));
}

result<occupant> look_at(const directory& dir, const std::string& name) {
  struct statx found {};
  if (::statx(dir.fd.get(), name.c_str(),
              AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
              STATX_TYPE | STATX_INO | STATX_MNT_ID, &found)
      != 0) {
    if (errno == ENOENT)
      return occupant::nothing;
    return system_fault(errno, "statx", dir.path_of(name));
  }
  if (S_ISLNK(found.stx_mode))
    return occupant::link;
  // Also a bind mount of the same disk. A subvolume can be renamed.
  if (identity_of(found).mount != dir.identity.mount)
    return occupant::mount;
  return occupant::entry;
}

result<rename_outcome> rename_new(const directory& from,
                                  const std::string& old_name,
                                  const directory& to,
                                  const std::string& new_name) {
  if (::renameat2(from.fd.get(), old_name.c_str(), to.fd.get(),
                  new_name.c_str(), RENAME_NOREPLACE)
      == 0)
    return rename_outcome::moved;
  switch (errno) {
  case ENOENT:
    return rename_outcome::source_missing;
  case EEXIST:
    return rename_outcome::target_exists;
  case EINVAL:
  case ENOSYS:
    return rename_after_look(from, old_name, to, new_name);
  default:
    return system_fault(errno, "rename",
                        from.path_of(old_name) + " to " + to.path_of(new_name));
  }
}

result<rename_outcome> rename_after_look(const directory& from,
                                         const std::string& old_name,
                                         const directory& to,
                                         const std::string& new_name) {
  auto source = is_taken(from, old_name);
  if (!source)
    return std::move(source).error();
  if (!*source)
    return rename_outcome::source_missing;
  auto target = is_taken(to, new_name);
  if (!target)
    return std::move(target).error();
  if (*target)
    return rename_outcome::target_exists;
  if (::renameat(from.fd.get(), old_name.c_str(), to.fd.get(), new_name.c_str())
      == 0)
    return rename_outcome::moved;
  return system_fault(errno, "rename",
                      from.path_of(old_name) + " to " + to.path_of(new_name));
}

status remove_if_empty(const directory& parent, const std::string& name) {
  if (::unlinkat(parent.fd.get(), name.c_str(), AT_REMOVEDIR) == 0)
    return {};
  switch (errno) {
  case ENOENT:
  case ENOTEMPTY:
  case EEXIST:  // some file systems say it instead of ENOTEMPTY
  case ENOTDIR: // a file or a link: not ours to remove
  case EBUSY:   // a mount point
    return {};
  default:
    return system_fault(errno, "rmdir", parent.path_of(name));
  }
}

result<std::vector<std::string>> list_names(const directory& dir) {
  // A descriptor of its own: the reading position is per open file.
  file_descriptor fd{::openat(dir.fd.get(), ".", directory_flags)};
  if (!fd.is_open())
    return system_fault(errno, "open", dir.path.string());
  std::vector<std::string> names;
  std::vector<char> buffer(64 * 1024);
  for (;;) {
    const auto got =
        ::syscall(SYS_getdents64, fd.get(), buffer.data(), buffer.size());
    if (got < 0)
      return system_fault(errno, "getdents", dir.path.string());
    if (got == 0)
      return names;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      const std::string_view name{entry->d_name};
      if (name != "." && name != "..")
        names.emplace_back(name);
    }
  }
}

} // namespace alula::storage
