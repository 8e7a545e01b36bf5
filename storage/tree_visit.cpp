#include "storage/tree_visit.hpp"

#include "storage/walk_level.hpp"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::status;
using jobs::system_fault;

namespace {

constexpr std::size_t large_batch = 64 * 1024;

/// Enough to know a directory again that the walk came from.
file_identity identity_of(const struct stat& found) {
  return {.device = found.st_dev, .inode = found.st_ino};
}

class tree_visit {
public:
  tree_visit(const directory& root, const std::stop_token& stop,
             const tree_visitor& visitor)
    : root_(root), stop_(stop), visitor_(visitor), batch_(large_batch) {}

  status run() {
    // A descriptor of its own: the reading position is per open file.
    enter(root_.fd.get(), ".");
    while (!levels_.empty() && !failure_) {
      auto& top = levels_.back();
      if (top.next_sub < top.subs.size())
        enter(top.fd.get(), top.subs[top.next_sub++].c_str());
      else if (!top.is_read)
        read_batch(top);
      else
        leave();
    }
    if (failure_)
      return std::move(*failure_);
    return {};
  }

private:
  void enter(int parent, const char* name) {
    file_descriptor fd{open_beneath(parent, name, walk_flags)};
    if (!fd.is_open()) {
      const int error = -fd.get();
      // Gone or replaced since it was read, or another mount: not ours.
      if (error != ENOENT && error != ENOTDIR && error != ELOOP
          && error != EXDEV)
        fail(error, "open");
      return;
    }
    struct stat found {};
    if (::fstat(fd.get(), &found) != 0)
      return fail(errno, "fstat");
    show({fd.get(), "", found});
    walk_level next;
    next.fd = std::move(fd);
    next.identity = identity_of(found);
    go_down(levels_, std::move(next));
  }

  void read_batch(walk_level& top) {
    top.subs.clear();
    top.next_sub = 0;
    if (!batch_.read(top.fd.get(), room_at(levels_.size(), large_batch)))
      return fail(errno, "getdents");
    top.is_read = batch_.is_end();
    for (const auto& entry : batch_) {
      count(top, entry.d_name, entry.d_type);
      if (failure_)
        return;
    }
  }

  void count(walk_level& top, const char* name, unsigned char type) {
    if (++looked_ % looks_between_checks == 0 && stop_.stop_requested()) {
      failure_ = fault{fault_code::interrupted, "The walk was asked to stop.",
                       root_.path.string()};
      return;
    }
    struct stat found {};
    if (type != DT_DIR) {
      if (::fstatat(top.fd.get(), name, &found, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT)
          fail(errno, "stat");
        return;
      }
      type = S_ISDIR(found.st_mode) ? DT_DIR : DT_REG;
    }
    if (type == DT_DIR)
      top.subs.emplace_back(name);
    else
      show({top.fd.get(), name, found});
  }

  void show(const tree_entry& entry) {
    if (auto seen = visitor_(entry); !seen)
      failure_ = std::move(seen).error();
  }

  /// Goes up. A level that was closed is opened through ".." of its child; when
  /// that was moved elsewhere meanwhile, the rest of the level is not counted.
  void leave() {
    const auto done = std::move(levels_.back());
    levels_.pop_back();
    if (levels_.empty() || levels_.back().fd.is_open())
      return;
    auto& above = levels_.back();
    file_descriptor fd{::openat(done.fd.get(), "..", walk_flags)};
    struct stat found {};
    if (!fd.is_open() || ::fstat(fd.get(), &found) != 0)
      return fail(errno, "open ..");
    if (identity_of(found) != above.identity) {
      while (!levels_.empty() && !levels_.back().fd.is_open())
        levels_.pop_back();
      return;
    }
    go_on(above, std::move(fd));
  }

  void fail(int error, std::string_view call) {
    failure_ = system_fault(error, call, root_.path.string());
  }

  const directory& root_;
  const std::stop_token& stop_;
  const tree_visitor& visitor_;
  directory_batch batch_;
  std::vector<walk_level> levels_;
  std::optional<fault> failure_;
  std::int64_t looked_ = 0;
};

} // namespace

status visit_tree(const directory& root, const std::stop_token& stop,
                  const tree_visitor& visitor) {
  return tree_visit{root, stop, visitor}.run();
}

} // namespace alula::storage
