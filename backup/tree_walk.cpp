#include "backup/tree_walk.hpp"

#include "backup/file_io.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <dirent.h>
#include <vector>

namespace alula::backup {

namespace {

constexpr std::size_t listing_buffer = std::size_t{64} * 1024;
/// Of the directories above, this many stay open.
constexpr std::size_t most_levels_open = 64;

/// A name and where it begins in its level's text.
struct listed {
  ino_t inode = 0;
  std::uint32_t at = 0;
};

struct level {
  file_descriptor fd; ///< closed when far above, opened again on the way back
  struct stat seen {};
  std::size_t path_size = 0; ///< of the directory's own path
  std::string names;         ///< a part of it, each name with its NUL
  std::vector<listed> entries;
  std::size_t next = 0;
  bool is_empty = true;
  bool is_listed = false; ///< no further part follows
  off_t listed_to = 0;

  std::size_t held() const {
    return names.size() + entries.size() * sizeof(listed);
  }
};

class tree_walk {
public:
  tree_walk(const ignore_rules& rules, const std::stop_token& stop,
            tree_visitor& visitor, const walk_settings& settings)
    : rules_(rules), stop_(stop), visitor_(visitor), settings_(settings),
      buffer_(listing_buffer) {}

  jobs::status run(int root) {
    root_ = open_beneath(root, ".", O_RDONLY | O_DIRECTORY);
    level top;
    top.fd = open_beneath(root, ".", O_RDONLY | O_DIRECTORY);
    if (!root_.is_open() || !top.fd.is_open()
        || ::fstat(top.fd.get(), &top.seen) != 0)
      return jobs::system_fault(errno, "open", "the server's directory");
    if (!list(top))
      return jobs::system_fault(errno, "getdents", "the server's directory");
    levels_.push_back(std::move(top));
    while (!levels_.empty()) {
      if (stop_.stop_requested())
        return jobs::fault{.code = jobs::fault_code::interrupted,
                           .what = "the walk was asked to stop"};
      if (auto went = step(); !went)
        return went;
    }
    return {};
  }

private:
  jobs::status step() {
    auto& top = levels_.back();
    path_.resize(top.path_size);
    if (top.next < top.entries.size())
      return visit(top, top.names.c_str() + top.entries[top.next++].at);
    if (top.is_listed)
      return leave();
    if (list(top))
      return {};
    top.is_listed = true;
    return pass_over("getdents", errno, "cannot be read to its end",
                     "some of what is in it is missing");
  }

  jobs::status visit(const level& top, const char* name) {
    if (!path_.empty())
      path_ += '/';
    path_ += name;
    if (const auto* why = over_limit(name)) {
      skip(why);
      return {};
    }
    struct stat seen {};
    if (::fstatat(top.fd.get(), name, &seen, AT_SYMLINK_NOFOLLOW) != 0)
      return pass_over("fstatat", errno);
    if (S_ISDIR(seen.st_mode))
      return enter(top, name);
    if (rules_.is_ignored(path_))
      return {};
    if (rules_.is_exhausted())
      return jobs::fault{.code = jobs::fault_code::validation,
                         .what = "the list of ignored files takes too long to "
                                 "be matched against the server's files; its "
                                 "patterns have too many stars"};
    const tree_visitor::place at{path_, top.fd.get(), name};
    if (S_ISREG(seen.st_mode))
      return visitor_.file(at, seen);
    if (S_ISLNK(seen.st_mode))
      return visitor_.link(at, seen);
    skip(S_ISSOCK(seen.st_mode)   ? "a socket"
         : S_ISFIFO(seen.st_mode) ? "a fifo"
                                  : "a device");
    return {};
  }

  /// Why the path cannot be restored; null when it can.
  const char* over_limit(std::string_view name) const {
    const auto& limits = settings_.limits;
    if (levels_.size() > static_cast<std::size_t>(limits.depth))
      return "too deep to be restored; left out";
    if (path_.size() > static_cast<std::size_t>(limits.path_length)
        || name.size() > std::size_t{NAME_MAX})
      return "its path is too long to be restored; left out";
    return nullptr;
  }

  jobs::status enter(const level& top, const char* name) {
    level next;
    next.fd = open_beneath(top.fd.get(), name, O_RDONLY | O_DIRECTORY);
    if (!next.fd.is_open() && errno == EXDEV) {
      skip("a mount");
      return {};
    }
    const char* failed = !next.fd.is_open()                        ? "open"
                         : ::fstat(next.fd.get(), &next.seen) != 0 ? "fstat"
                         : !list(next)                             ? "getdents"
                                                                   : nullptr;
    if (failed)
      return pass_over(failed, errno, "cannot be read",
                       "what is in it is missing");
    next.path_size = path_.size();
    levels_.push_back(std::move(next));
    if (levels_.size() > most_levels_open)
      levels_[levels_.size() - 1 - most_levels_open].fd = file_descriptor{};
    return {};
  }

  jobs::status leave() {
    const auto done = std::move(levels_.back());
    levels_.pop_back();
    held_ -= done.held();
    if (levels_.empty())
      return {};
    auto& parent = levels_.back();
    errno = 0;
    if (!parent.fd.is_open() && !reopen(parent)) {
      if (is_shortage(errno))
        return pass_over("open", errno);
      visitor_.skipped(std::string_view{path_}.substr(0, parent.path_size),
                       "moved away while it was read; the rest is left out");
      parent.next = parent.entries.size();
      parent.is_listed = true;
    }
    const auto name = path_.substr(path_.rfind('/') + 1);
    return visitor_.directory({path_, parent.fd.get(), name.c_str()}, done.seen,
                              done.is_empty);
  }

  /// The same directory as before, by its path from the root.
  bool reopen(level& again) const {
    const auto path = path_.substr(0, again.path_size);
    auto fd = open_beneath(root_.get(), path.empty() ? "." : path.c_str(),
                           O_RDONLY | O_DIRECTORY);
    struct stat now {};
    if (!fd.is_open() || ::fstat(fd.get(), &now) != 0
        || now.st_ino != again.seen.st_ino || now.st_dev != again.seen.st_dev
        || ::lseek(fd.get(), again.listed_to, SEEK_SET) < 0)
      return false;
    again.fd = std::move(fd);
    return true;
  }

  /// The next part of a directory's names.
  bool list(level& into) {
    held_ -= into.held();
    into.names.clear();
    into.entries.clear();
    into.next = 0;
    while (!into.is_listed
           && (into.entries.empty()
               || held_ + into.held() < settings_.most_listed)) {
      const auto size = ::syscall(SYS_getdents64, into.fd.get(), buffer_.data(),
                                  buffer_.size());
      if (size < 0) {
        into.names.clear();
        into.entries.clear();
        return false;
      }
      into.is_listed = size == 0;
      for (long at = 0; at < size;) {
        const auto* entry =
            reinterpret_cast<const dirent64*>(buffer_.data() + at);
        at += entry->d_reclen;
        into.listed_to = entry->d_off;
        add(into, entry->d_ino, entry->d_name);
      }
    }
    std::ranges::sort(into.entries, {}, &listed::inode);
    held_ += into.held();
    return true;
  }

  static void add(level& into, ino_t inode, std::string_view name) {
    if (name == "." || name == "..")
      return;
    into.is_empty = false;
    into.entries.push_back(
        {inode, static_cast<std::uint32_t>(into.names.size())});
    into.names += name;
    into.names += '\0';
  }

  void skip(std::string_view why) { visitor_.skipped(path_, why); }

  /// A note of what cannot be read, as `call` failed; `what` and `so` of a
  /// directory.
  jobs::status pass_over(const char* call, int error, std::string what = {},
                         std::string_view so = {}) {
    if (is_shortage(error))
      return jobs::system_fault(error, call, path_);
    if (error == ENOENT)
      what = "vanished";
    else if (what.empty())
      what = error_text(error);
    else
      what.append(" (").append(error_text(error)).append("); ").append(so);
    skip(what);
    return {};
  }

  const ignore_rules& rules_;
  const std::stop_token& stop_;
  tree_visitor& visitor_;
  const walk_settings& settings_;
  std::vector<char> buffer_;
  file_descriptor root_;
  std::vector<level> levels_;
  std::size_t held_ = 0; ///< by the names of all levels
  std::string path_;
};

} // namespace

jobs::status walk_tree(int root, const ignore_rules& rules,
                       const std::stop_token& stop, tree_visitor& visitor,
                       const walk_settings& settings) {
  return tree_walk{rules, stop, visitor, settings}.run(root);
}

} // namespace alula::backup
