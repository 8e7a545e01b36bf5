#include "storage/tree_removal.hpp"

#include "storage/entry_removal.hpp"
#include "storage/walk_level.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::status;
using jobs::system_fault;
using purge_progress = jobs::volumes::purge_progress;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t large_batch = 256 * 1024;
constexpr std::int64_t entries_between_reports = 4096;
constexpr auto time_between_reports = std::chrono::milliseconds{250};
/// The total is worth having while it is cheap; reading the names costs a few
/// hundredths of removing them, and warms what the removal reads again.
constexpr auto longest_count = std::chrono::seconds{2};
constexpr std::size_t longest_shown_path = 1024;

/// Both, whatever comes of the first. True when either has changed anything.
bool open_up(int parent_fd, const std::string& name) {
  const bool above = grant_access(parent_fd);
  return make_accessible(parent_fd, name) || above;
}

/// A directory that is being emptied.
struct level : walk_level {
  std::string name;          ///< in its parent
  std::int64_t blocks = 0;   ///< of the directory itself, in 512 bytes
  bool removed_any = false;  ///< since the last rewind
  bool failed_below = false; ///< something of it stays
};

class tree_removal {
public:
  tree_removal(const directory& parent, const std::stop_token& stop,
               const std::function<void(const purge_progress&)>& tell)
    : parent_(parent), stop_(stop), tell_(tell), batch_(large_batch) {}

  result<purge_progress> run(const std::string& name) {
    is_counting_ = true;
    walk(name);
    const auto total = interrupted_ || broken_ ? 0 : progress_.entries;
    levels_.clear();
    progress_ = {.entries_total = total};
    is_counting_ = interrupted_ = broken_ = false;
    looked_ = checked_at_ + looks_between_checks; // the first look is a check
    walk(name);
    if (tell_)
      tell_(progress_);
    if (interrupted_)
      return fault{fault_code::interrupted,
                   "The purge was asked to stop; it goes on where it was.",
                   parent_.path_of(name)};
    if (first_failure_) {
      if (progress_.failed > 1)
        first_failure_->what += " (the first of "
                                + std::to_string(progress_.failed)
                                + " entries that could not be removed)";
      return std::move(*first_failure_);
    }
    return progress_;
  }

private:
  // -- the walk ---------------------------------------------------------------

  void walk(const std::string& name) {
    if (auto found = remove_entry(parent_.fd.get(), name, DT_UNKNOWN))
      descend(parent_.fd.get(), std::move(*found));
    while (!levels_.empty() && !broken_ && !is_interrupted())
      advance();
  }

  void advance() {
    auto& top = levels_.back();
    if (top.next_sub < top.subs.size())
      descend(top.fd.get(), std::move(top.subs[top.next_sub++]));
    else if (!top.is_read)
      read_batch(top);
    else
      finish(top);
  }

  void descend(int parent_fd, std::string name) {
    auto opened = open_beneath(parent_fd, name.c_str(), walk_flags);
    if (opened == -EACCES && !is_counting_ && open_up(parent_fd, name))
      opened = open_beneath(parent_fd, name.c_str(), walk_flags);
    if (opened == -ENOENT)
      return;
    if (opened == -EXDEV)
      return fail_mount(name);
    if (opened < 0)
      return fail(-opened, "open", name);
    level next;
    next.fd = file_descriptor{opened};
    struct statx found {};
    if (::statx(opened, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
                STATX_INO | STATX_BLOCKS | STATX_MNT_ID, &found)
        != 0)
      return fail(errno, "statx", name);
    next.identity = identity_of(found);
    // A subvolume changes the device without a mount; it is not ours either.
    if (!next.identity.is_same_place(parent_.identity))
      return fail_mount(name);
    next.name = std::move(name);
    next.blocks = static_cast<std::int64_t>(found.stx_blocks);
    go_down(levels_, std::move(next));
  }

  void read_batch(level& top) {
    top.subs.clear();
    top.next_sub = 0;
    if (!batch_.read(top.fd.get(), room_at(levels_.size(), large_batch))) {
      top.is_read = true;
      return fail_inside(errno, "getdents");
    }
    top.is_read = batch_.is_end();
    sort_batch();
    for (const auto* entry : order_) {
      if (auto sub = remove_entry(top.fd.get(), entry->d_name, entry->d_type))
        top.subs.push_back(std::move(*sub));
      // The loop in walk() sees it again and ends.
      if (is_interrupted())
        return;
    }
  }

  /// By inode: names come in the order of their hashes (ext4), and going
  /// through the inode tables at random is what a removal waits for.
  void sort_batch() {
    order_.clear();
    for (const auto& entry : batch_)
      order_.push_back(&entry);
    if (!is_counting_)
      std::ranges::sort(order_, {}, &dirent64::d_ino);
  }

  /// Removes what is not a directory; the name of what is one.
  std::optional<std::string> remove_entry(int fd, std::string_view name,
                                          unsigned char type) {
    ++looked_;
    if (type == DT_DIR)
      return std::string{name};
    if (is_counting_ && type != DT_UNKNOWN) {
      ++progress_.entries;
      return std::nullopt;
    }
    struct statx found {};
    if (::statx(fd, name.data(), AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC,
                STATX_TYPE | STATX_NLINK | STATX_BLOCKS, &found)
        == 0) {
      if (S_ISDIR(found.stx_mode))
        return std::string{name};
    } else if (errno == ENOENT) {
      return std::nullopt;
    }
    if (is_counting_) {
      ++progress_.entries;
      return std::nullopt;
    }
    if (!unlink_entry(fd, name.data(), 0)) {
      if (errno == EISDIR)
        return std::string{name};
      if (errno != ENOENT)
        errno == EBUSY ? fail_mount(name) : fail(errno, "unlink", name);
      return std::nullopt;
    }
    const bool was_last = found.stx_nlink == 1;
    removed(was_last ? static_cast<std::int64_t>(found.stx_blocks) : 0);
    return std::nullopt;
  }

  /// The directory was read to its end.
  void finish(level& top) {
    const auto above = levels_.size() - 1;
    if (above > 0 && !reopen(levels_[above - 1], top))
      return;
    const int parent_fd =
        above > 0 ? levels_[above - 1].fd.get() : parent_.fd.get();
    if (is_counting_) {
      ++progress_.entries;
      levels_.pop_back();
      return;
    }
    if (!top.failed_below) {
      if (unlink_entry(parent_fd, top.name.c_str(), AT_REMOVEDIR)) {
        const auto blocks = top.blocks;
        levels_.pop_back();
        removed(blocks);
        return;
      }
      const int error = errno;
      const bool is_full = error == ENOTEMPTY || error == EEXIST;
      if (is_full && std::exchange(top.removed_any, false)) {
        // A file system may skip names while others are removed, and somebody
        // may still write: as long as it shrinks, read it again.
        if (::lseek(top.fd.get(), 0, SEEK_SET) == 0) {
          top.is_read = false;
          return;
        }
      }
      auto name = std::move(top.name);
      levels_.pop_back();
      if (error == ENOENT)
        return;
      return error == EBUSY ? fail_mount(name) : fail(error, "rmdir", name);
    }
    levels_.pop_back();
    if (!levels_.empty())
      levels_.back().failed_below = true;
  }

  /// Opens a level the walk had closed, through ".." of its child, and makes
  /// sure it is the same directory: nobody may lead the walk elsewhere.
  bool reopen(level& above, const level& child) {
    if (above.fd.is_open())
      return true;
    int fd = ::openat(child.fd.get(), "..", walk_flags);
    if (fd < 0 && errno == EACCES && grant_access(child.fd.get()))
      fd = ::openat(child.fd.get(), "..", walk_flags);
    file_descriptor opened{fd};
    if (!opened.is_open()) {
      fail_inside(errno, "open ..");
      broken_ = true;
      return false;
    }
    auto identity = identify(opened.get(), above.name);
    if (!identity || *identity != above.identity) {
      note(fault{fault_code::io_error,
                 "The directory was moved while it was purged.",
                 shown_path(above.name)});
      broken_ = true;
      return false;
    }
    go_on(above, std::move(opened));
    return true;
  }

  // -- what became of it ------------------------------------------------------

  void removed(std::int64_t blocks) {
    ++progress_.entries;
    progress_.bytes += blocks * 512;
    if (!levels_.empty())
      levels_.back().removed_any = true;
  }

  void fail(int error, std::string_view call, std::string_view name) {
    note(system_fault(error, call, shown_path(name)));
  }

  /// The directory on top itself is the trouble.
  void fail_inside(int error, std::string_view call) {
    note(system_fault(error, call, shown_path({})));
  }

  void fail_mount(std::string_view name) {
    note(fault{fault_code::io_error,
               "Something is mounted inside the deleted server's files; it is "
               "not followed. Unmount it.",
               shown_path(name)});
  }

  void note(fault why) {
    if (is_counting_)
      return;
    ++progress_.failed;
    if (!levels_.empty())
      levels_.back().failed_below = true;
    if (!first_failure_)
      first_failure_ = std::move(why);
  }

  std::string shown_path(std::string_view name) const {
    if (first_failure_ || is_counting_)
      return {}; // only the first one is shown
    auto path = parent_.path.string();
    for (const auto& each : levels_) {
      if (path.size() > longest_shown_path)
        return path + "/…";
      path += '/' + each.name;
    }
    return name.empty() ? path : path + '/' + std::string{name};
  }

  bool is_interrupted() {
    if (looked_ - checked_at_ < looks_between_checks)
      return interrupted_;
    checked_at_ = looked_;
    interrupted_ = stop_.stop_requested();
    const auto now = steady_clock::now();
    if (is_counting_)
      return interrupted_ |= now - started_at_ > longest_count;
    if (tell_
        && (progress_.entries - told_ >= entries_between_reports
            || now - told_at_ >= time_between_reports)) {
      told_ = progress_.entries;
      told_at_ = now;
      tell_(progress_);
    }
    return interrupted_;
  }

  const directory& parent_;
  const std::stop_token& stop_;
  const std::function<void(const purge_progress&)>& tell_;
  directory_batch batch_;
  std::vector<const dirent64*> order_; ///< of what is in the batch
  std::vector<level> levels_;
  purge_progress progress_;
  std::optional<fault> first_failure_;
  std::int64_t looked_ = 0;
  std::int64_t checked_at_ = 0;
  std::int64_t told_ = 0;
  steady_clock::time_point told_at_ = steady_clock::now();
  steady_clock::time_point started_at_ = steady_clock::now();
  bool is_counting_ = false;
  bool interrupted_ = false;
  bool broken_ = false; ///< the walk cannot go on
};

} // namespace

result<purge_progress>
remove_tree(const directory& parent, const std::string& name,
            const std::stop_token& stop,
            const std::function<void(const purge_progress&)>& tell) {
  return tree_removal{parent, stop, tell}.run(name);
}

} // namespace alula::storage
