#include "backup/backup_directory.hpp"

#include "backup/file_io.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <dirent.h>

namespace alula::backup {

namespace {

constexpr mode_t file_mode = 0600;
/// What is no regular file must neither block nor become our terminal.
constexpr int carefully = O_NONBLOCK | O_NOCTTY;

bool has_no_nameless_files(int error) {
  return error == EOPNOTSUPP || error == EISDIR || error == EINVAL;
}

/// Also when the directory is there: a crash may have come between making it
/// and this. Without it a power cut takes the directory with all backups in it.
jobs::status sync_name(const std::filesystem::path& path) {
  const auto parent =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  const file_descriptor fd{
      ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd.is_open())
    return jobs::system_fault(errno, "open", parent.string());
  return make_durable(fd.get(), parent.string());
}

jobs::status make_directory(const std::filesystem::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST)
    return sync_name(path);
  if (errno != ENOENT || !path.has_parent_path())
    return jobs::system_fault(errno, "mkdir", path.string());
  if (auto made = make_directory(path.parent_path(), 0755); !made)
    return made;
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return jobs::system_fault(errno, "mkdir", path.string());
  return sync_name(path);
}

} // namespace

jobs::result<backup_directory>
backup_directory::open(std::filesystem::path path) {
  if (auto made = make_directory(path, 0700); !made)
    return std::move(made).error();
  file_descriptor fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd.is_open())
    return jobs::system_fault(errno, "open", path.string());
  return backup_directory{std::move(path), std::move(fd)};
}

jobs::result<opened_file>
backup_directory::find(const std::string& name) const {
  return look_at(name,
                 open_beneath(fd_.get(), name.c_str(), O_RDONLY | carefully));
}

/// NFS makes a lock of the whole file of it: "in order to place an exclusive
/// lock, the file must be opened for writing" (flock(2)), or it fails with
/// EBADF. Elsewhere what may only be read is locked as well.
jobs::result<opened_file>
backup_directory::find_to_lock(const std::string& name) const {
  auto fd = open_beneath(fd_.get(), name.c_str(), O_RDWR | carefully);
  return fd.is_open() ? look_at(name, std::move(fd)) : find(name);
}

jobs::result<opened_file> backup_directory::look_at(const std::string& name,
                                                    file_descriptor fd) const {
  opened_file out;
  if (!fd.is_open()) {
    if (errno == ENOENT || errno == ELOOP || errno == EXDEV || errno == ENXIO)
      return out;
    return jobs::system_fault(errno, "open", path_of(name));
  }
  if (::fstat(fd.get(), &out.seen) != 0)
    return jobs::system_fault(errno, "fstat", path_of(name));
  if (S_ISREG(out.seen.st_mode))
    out.fd = std::move(fd);
  return out;
}

jobs::result<bool> backup_directory::exists(const std::string& name) const {
  struct stat seen {};
  if (::fstatat(fd_.get(), name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) == 0)
    return true;
  if (errno == ENOENT)
    return false;
  return jobs::system_fault(errno, "stat", path_of(name));
}

jobs::result<file_descriptor>
backup_directory::create(const std::string& name) const {
  if (auto removed = remove(name); !removed)
    return std::move(removed).error();
  auto fd = open_beneath(fd_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL,
                         file_mode);
  if (!fd.is_open())
    return jobs::system_fault(errno, "open", path_of(name));
  return fd;
}

jobs::result<file_descriptor>
backup_directory::create_spool(const std::string& name) const {
  auto fd = open_beneath(fd_.get(), ".", O_RDWR | O_TMPFILE, file_mode);
  if (fd.is_open())
    return fd;
  if (!has_no_nameless_files(errno))
    return jobs::system_fault(errno, "open", path_of("."));
  auto named = create(name);
  if (!named)
    return named;
  if (auto removed = remove(name); !removed)
    return std::move(removed).error();
  return named;
}

jobs::status backup_directory::rename(const std::string& from,
                                      const std::string& to,
                                      overwrite may) const {
  const auto flags = may == overwrite::never ? RENAME_NOREPLACE : 0U;
  auto failed =
      ::renameat2(fd_.get(), from.c_str(), fd_.get(), to.c_str(), flags) != 0;
  // Some network file systems do not know the flag.
  if (failed && errno == EINVAL && flags != 0) {
    auto taken = exists(to);
    if (!taken)
      return std::move(taken).error();
    errno = EEXIST;
    failed = *taken
             || ::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) != 0;
  }
  if (failed && errno == EEXIST)
    return jobs::fault{.code = jobs::fault_code::backup_exists,
                       .what = path_of(to) + " is there already"};
  return failed ? jobs::system_fault(errno, "rename", path_of(from))
                : jobs::status{};
}

jobs::result<bool> backup_directory::remove(const std::string& name) const {
  if (::unlinkat(fd_.get(), name.c_str(), 0) == 0)
    return true;
  if (errno == ENOENT)
    return false;
  return jobs::system_fault(errno, "unlink", path_of(name));
}

jobs::status backup_directory::sync() const {
  return make_durable(fd_.get(), path_.string());
}

jobs::status backup_directory::for_each(
    const std::function<void(std::string_view name)>& visit) const {
  // A descriptor of its own: the position in a directory belongs to it.
  const auto fd = open_beneath(fd_.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!fd.is_open())
    return jobs::system_fault(errno, "open", path_.string());
  alignas(dirent64) std::array<char, std::size_t{32} * 1024> buffer{};
  for (;;) {
    const auto size =
        ::syscall(SYS_getdents64, fd.get(), buffer.data(), buffer.size());
    if (size < 0)
      return jobs::system_fault(errno, "getdents", path_.string());
    if (size == 0)
      return {};
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      const std::string_view name{entry->d_name};
      if (name != "." && name != "..")
        visit(name);
    }
  }
}

} // namespace alula::backup
