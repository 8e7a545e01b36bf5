#include "backup/tree_walk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <vector>

namespace alula::backup {

namespace {

constexpr std::size_t listing_buffer = 64 * 1024;

struct listed {
  std::string name;
  ino_t inode = 0;
};

struct level {
  file_descriptor fd;
  struct stat seen {};
  std::size_t path_size = 0; ///< of the directory's own path
  std::vector<listed> entries;
  std::size_t next = 0;
};

std::string error_text(int number) {
  char buffer[128];
  return ::strerror_r(number, buffer, sizeof buffer);
}

class tree_walk {
public:
  tree_walk(const ignore_rules& rules, const std::stop_token& stop,
            tree_visitor& visitor, const walk_settings& settings)
    : rules_(rules), stop_(stop), visitor_(visitor), settings_(settings),
      buffer_(listing_buffer) {}

  jobs::status run(int root) {
    auto fd = open_beneath(root, ".", O_RDONLY | O_DIRECTORY);
    level top;
    if (!fd.is_open() || ::fstat(fd.get(), &top.seen) != 0)
      return jobs::system_fault(errno, "open", "the server's directory");
    top.fd = std::move(fd);
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
    if (top.next == top.entries.size())
      return leave();
    const auto& name = top.entries[top.next++].name;
    if (!path_.empty())
      path_ += '/';
    path_ += name;
    return visit(top, name);
  }

  jobs::status visit(const level& top, const std::string& name) {
    struct stat seen {};
    if (::fstatat(top.fd.get(), name.c_str(), &seen, AT_SYMLINK_NOFOLLOW)
        != 0) {
      skip(errno == ENOENT ? "vanished" : error_text(errno));
      return {};
    }
    if (S_ISDIR(seen.st_mode))
      return enter(top, name);
    if (rules_.is_ignored(path_))
      return {};
    const tree_visitor::place at{path_, top.fd.get(), name.c_str()};
    if (S_ISREG(seen.st_mode))
      return visitor_.file(at, seen);
    if (S_ISLNK(seen.st_mode))
      return visitor_.link(at, seen);
    skip(S_ISSOCK(seen.st_mode)   ? "a socket"
         : S_ISFIFO(seen.st_mode) ? "a fifo"
                                  : "a device");
    return {};
  }

  jobs::status enter(const level& top, const std::string& name) {
    if (levels_.size() >= settings_.max_depth) {
      skip("too deep");
      return {};
    }
    level next;
    next.fd = open_beneath(top.fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY);
    if (!next.fd.is_open()) {
      skip(errno == ENOENT  ? "vanished"
           : errno == EXDEV ? "a mount"
                            : error_text(errno));
      return {};
    }
    if (::fstat(next.fd.get(), &next.seen) != 0 || !list(next)) {
      skip(error_text(errno));
      return {};
    }
    next.path_size = path_.size();
    levels_.push_back(std::move(next));
    return {};
  }

  jobs::status leave() {
    const auto done = std::move(levels_.back());
    levels_.pop_back();
    if (levels_.empty())
      return {};
    const auto name = path_.substr(path_.rfind('/') + 1);
    return visitor_.directory({path_, levels_.back().fd.get(), name.c_str()},
                              done.seen, done.entries.empty());
  }

  bool list(level& into) {
    for (;;) {
      const auto size = ::syscall(SYS_getdents64, into.fd.get(), buffer_.data(),
                                  buffer_.size());
      if (size < 0)
        return false;
      if (size == 0)
        break;
      for (long at = 0; at < size;) {
        const auto* entry =
            reinterpret_cast<const dirent64*>(buffer_.data() + at);
        at += entry->d_reclen;
        const std::string_view name{entry->d_name};
        if (name != "." && name != "..")
          into.entries.push_back({std::string{name}, entry->d_ino});
      }
    }
    std::ranges::sort(into.entries, {}, &listed::inode);
    return true;
  }

  void skip(std::string_view why) { visitor_.skipped(path_, why); }

  const ignore_rules& rules_;
  const std::stop_token& stop_;
  tree_visitor& visitor_;
  const walk_settings& settings_;
  std::vector<char> buffer_;
  std::vector<level> levels_;
  std::string path_;
};

} // namespace

jobs::status walk_tree(int root, const ignore_rules& rules,
                       const std::stop_token& stop, tree_visitor& visitor,
                       const walk_settings& settings) {
  return tree_walk{rules, stop, visitor, settings}.run(root);
}

} // namespace alula::backup
