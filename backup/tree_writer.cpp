#include "backup/tree_writer.hpp"

#include "backup/file_time.hpp"
#include "backup/tar_header.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <sys/stat.h>

namespace alula::backup {

namespace {

constexpr mode_t directory_mode = 0755;
constexpr std::uint32_t least_of_file = 0600;
constexpr std::uint32_t least_of_directory = 0700;
constexpr std::size_t copy_size = std::size_t{256} * 1024;
constexpr std::size_t hole_size = 4096;
/// Of the directories above, this many stay open.
constexpr std::size_t most_open = 64;
/// Dirty pages of a large file are sent off while the rest is decoded, so that
/// the sync at the end has little to wait for.
constexpr std::uint64_t write_out_size = std::size_t{8} * 1024 * 1024;

jobs::fault in_the_way(std::string_view path) {
  return {.code = jobs::fault_code::archive_refused,
          .what = "the archive is refused: another entry is in the way of "
                  + shown(path)};
}

jobs::fault failed(const char* call, std::string_view path) {
  return jobs::system_fault(errno, call, shown(path));
}

std::array<timespec, 2> times(std::int64_t ns) {
  constexpr std::int64_t second = 1'000'000'000;
  auto whole = ns / second;
  auto rest = ns % second;
  if (rest < 0) {
    --whole;
    rest += second;
  }
  const timespec it{whole, rest};
  return {it, it};
}

bool has_owner(const file_owner& owner) {
  return owner.uid || owner.gid;
}

uid_t uid_of(const file_owner& owner) {
  return owner.uid.value_or(static_cast<uid_t>(-1));
}

gid_t gid_of(const file_owner& owner) {
  return owner.gid.value_or(static_cast<gid_t>(-1));
}

bool is_zero(byte_view data) {
  return std::ranges::all_of(data, [](auto it) { return it == std::byte{0}; });
}

/// The type bits of what has the name; 0: nothing.
mode_t kind_at(const tree_place& at) {
  struct stat seen {};
  if (::fstatat(at.parent->get(), at.name.c_str(), &seen, AT_SYMLINK_NOFOLLOW)
      != 0)
    return 0;
  return seen.st_mode & S_IFMT;
}

bool is_empty_directory(int fd) {
  std::array<char, 1024> buffer{};
  for (;;) {
    const auto size =
        ::syscall(SYS_getdents64, fd, buffer.data(), buffer.size());
    if (size <= 0)
      return size == 0;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      const std::string_view name{entry->d_name};
      if (name != "." && name != "..")
        return false;
      at += entry->d_reclen;
    }
  }
}

} // namespace

// -- files --------------------------------------------------------------------

jobs::result<new_file> new_file::create(const tree_place& at,
                                        const std::string& path) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL;
  auto fd = open_beneath(at.parent->get(), at.name.c_str(), flags, 0600);
  if (!fd.is_open() && errno == EEXIST) {
    if (kind_at(at) != S_IFREG)
      return in_the_way(path);
    if (::unlinkat(at.parent->get(), at.name.c_str(), 0) != 0)
      return failed("unlink", path);
    fd = open_beneath(at.parent->get(), at.name.c_str(), flags, 0600);
  }
  if (!fd.is_open())
    return failed("create", path);
  return new_file{std::move(fd), path};
}

jobs::status new_file::write(std::uint64_t at, byte_view data) {
  while (!data.empty()) {
    const auto put =
        ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return failed("write", path_);
    at += static_cast<std::uint64_t>(put);
    data = data.subspan(static_cast<std::size_t>(put));
  }
  end_ = std::max(end_, at);
  if (end_ >= written_out_ + write_out_size) {
    ::sync_file_range(fd_.get(), static_cast<off_t>(written_out_),
                      static_cast<off_t>(end_ - written_out_),
                      SYNC_FILE_RANGE_WRITE);
    written_out_ = end_;
  }
  return {};
}

jobs::status new_file::write_sparse(std::uint64_t at, byte_view data) {
  while (!data.empty()) {
    const auto to_edge = hole_size - static_cast<std::size_t>(at % hole_size);
    const auto part = data.first(std::min(data.size(), to_edge));
    if (!is_zero(part)) {
      if (auto put = write(at, part); !put)
        return put;
    }
    at += part.size();
    data = data.subspan(part.size());
  }
  return {};
}

jobs::status new_file::finish(std::uint64_t size, const file_traits& traits,
                              const file_owner& owner) {
  if (end_ < size && ::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0)
    return failed("ftruncate", path_);
  if (has_owner(owner)
      && ::fchown(fd_.get(), uid_of(owner), gid_of(owner)) != 0)
    return failed("fchown", path_);
  if (::fchmod(fd_.get(), traits.mode | least_of_file) != 0)
    return failed("fchmod", path_);
  if (::futimens(fd_.get(), times(traits.mtime_ns).data()) != 0)
    return failed("futimens", path_);
  return {};
}

// -- the tree -----------------------------------------------------------------

tree_writer::tree_writer(file_descriptor root, file_owner owner)
  : root_(std::make_shared<file_descriptor>(std::move(root))), owner_(owner) {}

jobs::result<tree_writer> tree_writer::open(int root, file_owner owner) {
  auto fd = open_beneath(root, ".", O_RDONLY | O_DIRECTORY);
  if (!fd.is_open())
    return failed("open", "the staging directory");
  if (!is_empty_directory(fd.get()))
    return jobs::fault{.code = jobs::fault_code::io_error,
                       .what = "the staging directory is not empty"};
  return tree_writer{std::move(fd), owner};
}

jobs::result<open_directory>
tree_writer::enter_one(const open_directory& parent, const std::string& name,
                       std::string_view path) {
  constexpr int flags = O_RDONLY | O_DIRECTORY;
  auto fd = open_beneath(parent->get(), name.c_str(), flags);
  if (!fd.is_open() && errno == ENOENT) {
    if (::mkdirat(parent->get(), name.c_str(), 0700) != 0)
      return failed("mkdir", path);
    fd = open_beneath(parent->get(), name.c_str(), flags);
    if (fd.is_open()
        && ((has_owner(owner_)
             && ::fchown(fd.get(), uid_of(owner_), gid_of(owner_)) != 0)
            || ::fchmod(fd.get(), directory_mode) != 0))
      return failed("set up the directory", path);
  }
  if (!fd.is_open())
    return errno == ENOTDIR || errno == ELOOP ? in_the_way(path)
                                              : failed("open", path);
  return std::make_shared<const file_descriptor>(std::move(fd));
}

jobs::result<open_directory> tree_writer::enter(std::string_view directory) {
  std::size_t depth = 0;
  for (auto rest = directory; !rest.empty(); ++depth) {
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto name = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (depth < levels_.size() && levels_[depth].name == name)
      continue;
    levels_.resize(std::min(depth, levels_.size()));
    auto parent = directory_at(depth);
    if (!parent)
      return parent;
    auto next = enter_one(*parent, std::string{name}, directory);
    if (!next)
      return std::move(next).error();
    levels_.push_back({std::string{name}, std::move(*next)});
    if (levels_.size() > most_open)
      levels_[levels_.size() - 1 - most_open].fd.reset();
  }
  levels_.resize(depth);
  return directory_at(depth);
}

jobs::result<open_directory> tree_writer::directory_at(std::size_t depth) {
  if (depth == 0)
    return root_;
  auto& it = levels_[depth - 1];
  if (!it.fd) {
    std::string path;
    for (std::size_t i = 0; i < depth; ++i)
      path += (i == 0 ? "" : "/") + levels_[i].name;
    auto fd = open_beneath(root_->get(), path.c_str(), O_RDONLY | O_DIRECTORY);
    if (!fd.is_open())
      return failed("open", path);
    it.fd = std::make_shared<const file_descriptor>(std::move(fd));
  }
  return it.fd;
}

jobs::result<tree_place> tree_writer::place(std::string_view path) {
  const auto slash = path.rfind('/');
  const bool is_at_top = slash == std::string_view::npos;
  auto parent = enter(is_at_top ? std::string_view{} : path.substr(0, slash));
  if (!parent)
    return std::move(parent).error();
  return tree_place{std::move(*parent),
                    std::string{is_at_top ? path : path.substr(slash + 1)}};
}

jobs::status tree_writer::make_directory(std::string_view path) {
  auto entered = enter(path);
  return entered ? jobs::status{} : jobs::status{std::move(entered).error()};
}

jobs::status tree_writer::set_traits(std::string_view path,
                                     const file_traits& traits) {
  auto entered = enter(path);
  if (!entered)
    return std::move(entered).error();
  const auto fd = (*entered)->get();
  if (::fchmod(fd, traits.mode | least_of_directory) != 0)
    return failed("fchmod", path);
  if (::futimens(fd, times(traits.mtime_ns).data()) != 0)
    return failed("futimens", path);
  return {};
}

jobs::status tree_writer::remove_file(std::string_view path) {
  auto at = place(path);
  if (!at)
    return std::move(at).error();
  if (kind_at(*at) == S_IFREG
      && ::unlinkat(at->parent->get(), at->name.c_str(), 0) != 0)
    return failed("unlink", path);
  return {};
}

// -- links --------------------------------------------------------------------

jobs::result<tree_writer::outcome>
tree_writer::make_link(std::string_view path, const std::string& target,
                       std::int64_t mtime_ns) {
  auto at = place(path);
  if (!at)
    return std::move(at).error();
  const auto parent = at->parent->get();
  const auto* name = at->name.c_str();
  auto made = ::symlinkat(target.c_str(), parent, name);
  if (made != 0 && errno == EEXIST) {
    if (kind_at(*at) != S_IFLNK)
      return outcome::in_the_way;
    if (::unlinkat(parent, name, 0) != 0)
      return failed("unlink", path);
    made = ::symlinkat(target.c_str(), parent, name);
  }
  if (made != 0)
    return failed("symlink", path);
  if (has_owner(owner_)
      && ::fchownat(parent, name, uid_of(owner_), gid_of(owner_),
                    AT_SYMLINK_NOFOLLOW)
             != 0)
    return failed("fchownat", path);
  if (::utimensat(parent, name, times(mtime_ns).data(), AT_SYMLINK_NOFOLLOW)
      != 0)
    return failed("utimensat", path);
  return outcome::made;
}

jobs::result<tree_writer::outcome>
tree_writer::make_hard_link(std::string_view path, std::string_view target) {
  const auto from = find(target);
  if (!from)
    return from.error();
  if (from->kind != S_IFREG && from->kind != S_IFLNK)
    return outcome::no_target;
  auto at = place(path);
  if (!at)
    return std::move(at).error();
  const auto there = kind_at(*at);
  if (there != 0 && there != S_IFREG)
    return outcome::in_the_way;
  if (there == S_IFREG
      && ::unlinkat(at->parent->get(), at->name.c_str(), 0) != 0)
    return failed("unlink", path);
  // Without AT_SYMLINK_FOLLOW a link is linked itself.
  if (::linkat(from->at.parent->get(), from->at.name.c_str(), at->parent->get(),
               at->name.c_str(), 0)
      == 0)
    return outcome::made;
  if (errno == EMLINK && from->kind == S_IFREG)
    return copy_file(*at, path, target);
  return failed("link", path);
}

jobs::result<tree_writer::outcome>
tree_writer::copy_file(const tree_place& at, std::string_view path,
                       std::string_view target) {
  const auto from = open_file(target);
  if (!from)
    return from.error();
  if (!from->fd.is_open())
    return jobs::system_fault(from->error, from->call, shown(target));
  auto to = new_file::create(at, std::string{path});
  if (!to)
    return std::move(to).error();
  bytes piece;
  std::uint64_t copied = 0;
  do {
    if (auto got =
            read_at(from->fd.get(), copied, copy_size, piece, shown(target));
        !got)
      return std::move(got).error();
    if (auto put = to->write(copied, piece); !put)
      return std::move(put).error();
    copied += piece.size();
  } while (!piece.empty());
  const auto& seen = from->seen;
  const file_traits same{seen.st_mode & 0777U, nanoseconds_of(seen.st_mtim)};
  auto done =
      to->finish(static_cast<std::uint64_t>(seen.st_size), same, owner_);
  if (!done)
    return std::move(done).error();
  return outcome::made;
}

jobs::result<tree_writer::found_entry>
tree_writer::find(std::string_view path) const {
  found_entry out{.at = {root_, std::string{path}}};
  if (const auto slash = path.rfind('/'); slash != std::string_view::npos) {
    auto parent =
        open_beneath(root_->get(), std::string{path.substr(0, slash)}.c_str(),
                     O_RDONLY | O_DIRECTORY);
    if (!parent.is_open() && is_shortage(errno))
      return failed("open", path);
    if (!parent.is_open())
      return out;
    out.at = {std::make_shared<const file_descriptor>(std::move(parent)),
              std::string{path.substr(slash + 1)}};
  }
  out.kind = kind_at(out.at);
  if (out.kind == 0 && is_shortage(errno))
    return failed("fstatat", path);
  return out;
}

jobs::result<regular_file> tree_writer::open_file(std::string_view path) const {
  const auto found = find(path);
  if (!found)
    return found.error();
  if (found->kind != S_IFREG)
    return regular_file{.error = ENOENT};
  auto file = open_regular(found->at.parent->get(), found->at.name.c_str());
  if (is_shortage(file.error))
    return jobs::system_fault(file.error, file.call, shown(path));
  return file;
}

jobs::status tree_writer::sync() {
  if (::syncfs(root_->get()) != 0)
    return failed("syncfs", "the staging directory");
  return {};
}

} // namespace alula::backup
