#include "storage/config_files/config_place.hpp"

#include "storage/config_files/formats.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <utility>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::status;
using jobs::system_fault;

namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY;
constexpr int max_links = 8;
/// Left behind by a crash it is replaced at the next start.
constexpr const char* part_name = ".alula-config.part";
constexpr mode_t new_mode = 0644;

fault no_path() {
  return {fault_code::malformed,
          "Its path does not lead to a file beneath the volume."};
}

/// A failing call of a name the egg gave: what players can see of it is that
/// the file cannot be had.
fault call_failed(int error, std::string_view call) {
  if (error == EXDEV || error == ELOOP || error == ENOTDIR
      || error == ENAMETOOLONG)
    return no_path();
  return system_fault(error, call, "");
}

/// "a//./b/../c" → "a/c"; nothing when it leads out.
std::optional<std::string> plain_path(std::string_view path) {
  if (path.size() >= PATH_MAX || path.find('\0') != path.npos)
    return std::nullopt;
  std::string plain;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
    if (part == "..") {
      if (plain.empty())
        return std::nullopt;
      const auto before = plain.rfind('/');
      plain.resize(before == plain.npos ? 0 : before);
    } else if (!part.empty() && part != ".") {
      plain += plain.empty() ? "" : "/";
      plain += part;
    }
  }
  return plain.empty() ? std::nullopt : std::optional{plain};
}

std::pair<std::string, std::string> split_name(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == path.npos)
    return {".", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

/// The directory, made with all that is missing above it.
result<file_descriptor> open_directories(int volume, const std::string& path,
                                         const ownership& owner) {
  if (file_descriptor fd{open_inside(volume, path.c_str(), directory_flags)};
      fd.is_open())
    return fd;
  else if (fd.get() != -ENOENT)
    return call_failed(-fd.get(), "open");
  const auto [above, name] = split_name(path);
  if (!is_plain_name(name))
    return no_path();
  auto parent = above == "." ? result<file_descriptor>{file_descriptor{
                    open_inside(volume, ".", directory_flags)}}
                             : open_directories(volume, above, owner);
  if (!parent)
    return parent;
  directory in{std::move(*parent), {}, {}};
  if (!in.fd.is_open())
    return call_failed(-in.fd.get(), "open");
  auto made = make_directory(in, name, owner);
  if (!made)
    return std::move(made).error();
  file_descriptor fd{open_beneath(in.fd.get(), name.c_str(), directory_flags)};
  if (!fd.is_open())
    return call_failed(-fd.get(), "open");
  return fd;
}

bool is_unchanged(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino
         && one.st_size == other.st_size
         && one.st_mtim.tv_sec == other.st_mtim.tv_sec
         && one.st_mtim.tv_nsec == other.st_mtim.tv_nsec;
}

} // namespace

result<config_place> config_place::find(int volume, std::string_view path,
                                        const ownership& owner) {
  const auto plain = plain_path(path);
  if (!plain)
    return no_path();
  auto at = *plain;
  for (int links = 0; links <= max_links; ++links) {
    const auto [above, name] = split_name(at);
    if (!is_plain_name(name))
      return no_path();
    auto parent = open_directories(volume, above, owner);
    if (!parent)
      return std::move(parent).error();
    config_place place;
    place.parent_ = std::move(*parent);
    place.name_ = name;
    place.owner_ = owner;
    struct stat found {};
    if (::fstatat(place.parent_.get(), name.c_str(), &found,
                  AT_SYMLINK_NOFOLLOW)
        != 0) {
      if (errno != ENOENT)
        return call_failed(errno, "stat");
      return place;
    }
    if (S_ISREG(found.st_mode)) {
      place.found_ = found;
      return place;
    }
    std::array<char, PATH_MAX> target{};
    const auto size = S_ISLNK(found.st_mode)
                          ? ::readlinkat(place.parent_.get(), name.c_str(),
                                         target.data(), target.size() - 1)
                          : -1;
    // An absolute one means another place in the container.
    if (size <= 0 || target.front() == '/')
      return no_path();
    at = above + "/"
         + std::string{target.data(), static_cast<std::size_t>(size)};
    if (at.size() >= PATH_MAX)
      return no_path();
  }
  return no_path();
}

result<std::string> config_place::read() const {
  std::string text;
  if (!found_)
    return text;
  const file_descriptor fd{open_beneath(parent_.get(), name_.c_str(),
                                        O_RDONLY | O_NONBLOCK | O_NOCTTY)};
  struct stat now {};
  if (!fd.is_open())
    return call_failed(-fd.get(), "open");
  if (::fstat(fd.get(), &now) != 0)
    return call_failed(errno, "stat");
  if (!S_ISREG(now.st_mode))
    return no_path();
  std::array<char, 65'536> buffer{};
  for (;;) {
    const auto got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return system_fault(errno, "read", name_);
    if (got == 0)
      return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > max_config_bytes)
      return fault{fault_code::malformed, "It is larger than 4 MiB."};
  }
}

status config_place::replace(std::string_view text) const {
  if (::unlinkat(parent_.get(), part_name, 0) != 0 && errno != ENOENT)
    return system_fault(errno, "unlink", part_name);
  auto made = make_beside(text);
  if (made)
    made = put_in_place();
  if (!made) {
    ::unlinkat(parent_.get(), part_name, 0);
    return made;
  }
  if (::fsync(parent_.get()) != 0)
    return system_fault(errno, "fsync", "");
  return {};
}

status config_place::make_beside(std::string_view text) const {
  const file_descriptor fd{
      ::openat(parent_.get(), part_name,
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!fd.is_open())
    return system_fault(errno, "open", part_name);
  if (auto wrote = write_all(fd.get(), text, part_name); !wrote)
    return wrote;
  struct stat now {};
  if (::fstat(fd.get(), &now) != 0)
    return system_fault(errno, "stat", part_name);
  const uid_t uid = found_ ? found_->st_uid : owner_.uid;
  const gid_t gid = found_ ? found_->st_gid : owner_.gid;
  if (now.st_uid != uid || now.st_gid != gid)
    if (::fchown(fd.get(), uid, gid) != 0)
      return system_fault(errno, "chown", part_name);
  // Never more than permissions: no file becomes set-user-id through us.
  const mode_t mode = found_ ? found_->st_mode & 0777U : new_mode;
  if (::fchmod(fd.get(), mode) != 0)
    return system_fault(errno, "chmod", part_name);
  if (::fsync(fd.get()) != 0)
    return system_fault(errno, "fsync", part_name);
  return {};
}

status config_place::put_in_place() const {
  if (!found_) {
    if (::renameat2(parent_.get(), part_name, parent_.get(), name_.c_str(),
                    RENAME_NOREPLACE)
        == 0)
      return {};
    if (errno != EINVAL && errno != ENOSYS)
      return system_fault(errno, "rename", name_);
  }
  struct stat now {};
  const bool is_there =
      ::fstatat(parent_.get(), name_.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0;
  if (is_there != found_.has_value() || (found_ && !is_unchanged(now, *found_)))
    return fault{fault_code::io_error,
                 "Somebody else changed it at the same time."};
  if (::renameat(parent_.get(), part_name, parent_.get(), name_.c_str()) != 0)
    return system_fault(errno, "rename", name_);
  return {};
}

} // namespace alula::storage
