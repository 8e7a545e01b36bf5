#include "storage/tree_merge.hpp"

#include "storage/directory_batch.hpp"
#include "storage/directory_look.hpp"
#include "storage/tree_aside.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::status;
using jobs::system_fault;

namespace {

constexpr std::size_t names_at_once = 1024;
constexpr std::int64_t looks_between_checks = 256;
/// How often in all somebody may change a directory under the merge.
constexpr int most_surprises = 1000;
constexpr int tries_per_entry = 8;
constexpr std::int64_t ms_per_second = 1000;
constexpr std::int64_t ns_per_ms = 1'000'000;

/// A directory that both sides have.
struct level {
  std::string path;              ///< below the roots
  struct stat tree_look {};      ///< before anything was moved out of it
  struct stat volume_look {};    ///< before anything was moved into it
  std::vector<std::string> subs; ///< directories on both sides, some of them
  std::size_t next_sub = 0;
  bool has_aside = false;
};

/// The same directory on the three sides, while it is worked on.
struct sides {
  directory tree;
  directory volume;
  std::optional<directory> aside;
};

class tree_merge {
public:
  tree_merge(const tree_place& aside, directory tree, directory volume,
             const merge_manner& manner, const std::stop_token& stop)
    : aside_(aside), tree_(std::move(tree)), volume_(std::move(volume)),
      made_after_(manner.made_after), tell_(manner.tell), stop_(stop),
      batch_(64 * 1024), new_(aside) {}

  result<std::int64_t> run() {
    if (auto entered = enter({}); !entered)
      return std::move(entered).error();
    while (!levels_.empty()) {
      if (auto advanced = advance(); !advanced)
        return std::move(advanced).error();
      if (surprises_ > most_surprises)
        return fault{fault_code::io_error,
                     "The server's files keep changing while a restore merges "
                     "into them; is something still running on them?",
                     volume_.path.string()};
    }
    return moved_;
  }

private:
  // -- the walk ---------------------------------------------------------------

  status advance() {
    if (stop_.stop_requested())
      return interrupted();
    auto& top = levels_.back();
    if (top.next_sub < top.subs.size()) {
      const auto& name = top.subs[top.next_sub++];
      return enter(top.path.empty() ? name : top.path + '/' + name);
    }
    auto found = open_sides(top.path);
    if (!found)
      return std::move(found).error();
    if (!*found) {
      levels_.pop_back(); // the level above meets what is there now
      return {};
    }
    auto left = move_entries(top, **found);
    if (!left)
      return std::move(left).error();
    return *left ? status{} : finish(**found);
  }

  status enter(std::string path) {
    auto found = open_sides(path);
    if (!found)
      return std::move(found).error();
    if (!*found)
      return {};
    level next;
    next.path = std::move(path);
    const auto& [tree, volume, aside] = **found;
    if (::fstat(tree.fd.get(), &next.tree_look) != 0)
      return system_fault(errno, "fstat", tree.path.string());
    if (::fstat(volume.fd.get(), &next.volume_look) != 0)
      return system_fault(errno, "fstat", volume.path.string());
    levels_.push_back(std::move(next));
    return {};
  }

  result<std::optional<sides>> open_sides(const std::string& path) {
    auto tree = open_below(tree_, path);
    if (!tree)
      return std::move(tree).error();
    auto volume = open_below(volume_, path);
    if (!volume)
      return std::move(volume).error();
    if (!*tree || !*volume) {
      ++surprises_;
      return std::optional<sides>{};
    }
    return std::optional{
        sides{std::move(**tree), std::move(**volume), std::nullopt}};
  }

  /// Moves what can be moved at once and notes some of the directories to go
  /// into. False when there was nothing in it: a file system may skip names
  /// while others leave, so only an empty look is the end.
  result<bool> move_entries(level& top, sides& at) {
    top.subs.clear();
    top.next_sub = 0;
    bool found_any = false;
    while (top.subs.size() < names_at_once) {
      if (!batch_.read(at.tree.fd.get()))
        return system_fault(errno, "getdents", at.tree.path.string());
      if (batch_.is_end())
        break;
      if (auto listed = list_new(top, at); !listed)
        return std::move(listed).error();
      for (const auto& entry : batch_) {
        const std::string name{entry.d_name};
        found_any = true;
        if (++looked_ % looks_between_checks == 0 && stop_.stop_requested())
          return interrupted();
        auto done = move_entry(at, name, entry.d_type);
        if (!done)
          return std::move(done).error();
        if (!*done && top.subs.size() < names_at_once)
          top.subs.push_back(name);
      }
    }
    return found_any;
  }

  /// Puts those names of the batch on record that the volume lacks, before
  /// they are made in it: an undo takes them out again.
  status list_new(const level& top, sides& at) {
    std::string names;
    for (const auto& entry : batch_) {
      const std::string name{entry.d_name};
      auto taken = is_taken(at.volume, name);
      if (!taken)
        return std::move(taken).error();
      if (!*taken)
        names += (top.path.empty() ? name : top.path + '/' + name) + '\0';
    }
    if (names.empty())
      return {};
    // Where there is a list there is an entry that it belongs to.
    levels_.front().has_aside = true;
    auto kept = make_aside(aside_.parent, aside_.name, volume_look_of({}));
    return kept ? new_.add(names) : status{std::move(kept).error()};
  }

  /// False when it is a directory on both sides.
  result<bool> move_entry(sides& at, const std::string& name,
                          unsigned char type) {
    for (int tries = 0; tries < tries_per_entry; ++tries) {
      auto moved = rename_new(at.tree, name, at.volume, name);
      if (!moved)
        return std::move(moved).error();
      if (*moved == rename_outcome::source_missing)
        return true;
      if (*moved == rename_outcome::moved) {
        if (++moved_ % looks_between_checks == 0 && tell_)
          tell_(moved_);
        return true;
      }
      struct stat there {};
      if (::fstatat(at.volume.fd.get(), name.c_str(), &there,
                    AT_SYMLINK_NOFOLLOW)
              != 0
          && errno != ENOENT)
        return system_fault(errno, "stat", at.volume.path_of(name));
      if (S_ISDIR(there.st_mode) && is_directory(at.tree, name, type))
        return false;
      if (auto gone = put_aside(at, name); !gone)
        return std::move(gone).error();
    }
    ++surprises_; // somebody makes it as fast as it goes; it is seen again
    return true;
  }

  static bool is_directory(const directory& dir, const std::string& name,
                           unsigned char type) {
    if (type != DT_UNKNOWN)
      return type == DT_DIR;
    struct stat found {};
    return ::fstatat(dir.fd.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW)
               == 0
           && S_ISDIR(found.st_mode);
  }

  /// Every entry has left the directory.
  status finish(sides& at) {
    const auto top = std::move(levels_.back());
    levels_.pop_back();
    if (top.has_aside) {
      if (auto opened = open_aside(top.path, at); !opened)
        return opened;
      if (auto timed = set_time(at.aside->fd.get(), top.volume_look,
                                at.aside->path.string());
          !timed)
        return timed;
    }
    if (!is_on_the_way(top)) {
      const auto shown = at.volume.path.string();
      if (auto dressed = dress(at.volume.fd.get(), top.tree_look, shown);
          !dressed)
        return dressed;
      if (auto timed = set_time(at.volume.fd.get(), top.tree_look, shown);
          !timed)
        return timed;
    }
    if (levels_.empty())
      return {}; // the root goes after everything is on the disk
    const auto slash = top.path.rfind('/');
    auto above = open_below(
        tree_, slash == std::string::npos ? "" : top.path.substr(0, slash));
    if (!above)
      return std::move(above).error();
    const auto name = top.path.substr(slash + 1); // npos + 1 is 0
    if (!*above
        || ::unlinkat((*above)->fd.get(), name.c_str(), AT_REMOVEDIR) == 0)
      return {};
    if (errno == ENOTEMPTY || errno == EEXIST) {
      ++surprises_; // the level above finds it again
      return {};
    }
    return errno == ENOENT
               ? status{}
               : system_fault(errno, "rmdir", at.tree.path.string());
  }

  /// Made for what is in it only: the root, and what is younger than the merge.
  bool is_on_the_way(const level& finished) const {
    const auto& changed = finished.tree_look.st_mtim;
    return made_after_ != 0
           && (levels_.empty()
               || changed.tv_sec * ms_per_second + changed.tv_nsec / ns_per_ms
                      >= made_after_);
  }

  // -- what is in the way -----------------------------------------------------

  status put_aside(sides& at, const std::string& name) {
    if (!at.aside) {
      for (auto& each : levels_)
        each.has_aside = true;
      if (auto opened = open_aside(levels_.back().path, at); !opened)
        return opened;
    }
    return move_aside(at.volume, name, *at.aside);
  }

  /// Makes the directories down to `path` below the entry, each with owner and
  /// mode of its model in the volume: an undo gives those back. Also of one
  /// that is there: a crash may have come between making and dressing it.
  status open_aside(const std::string& path, sides& at) {
    auto opened = make_aside(aside_.parent, aside_.name, volume_look_of({}));
    for (std::size_t from = 0; opened && from < path.size();) {
      const auto slash = std::min(path.find('/', from), path.size());
      opened = make_aside(*opened, path.substr(from, slash - from),
                          volume_look_of(path.substr(0, slash)));
      from = slash + 1;
    }
    if (!opened)
      return std::move(opened).error();
    at.aside = std::move(*opened);
    return {};
  }

  /// Nothing for the level that is being finished: it has been dressed.
  const struct stat* volume_look_of(const std::string& path) const {
    for (const auto& each : levels_)
      if (each.path == path)
        return &each.volume_look;
    return nullptr;
  }

  fault interrupted() const {
    return {fault_code::interrupted,
            "The merge was asked to stop; it goes on where it was.",
            volume_.path.string()};
  }

  const tree_place& aside_;
  const directory tree_;
  const directory volume_;
  const std::int64_t made_after_;
  const std::function<void(std::int64_t)>& tell_;
  const std::stop_token& stop_;
  directory_batch batch_;
  new_names new_;
  std::vector<level> levels_;
  std::int64_t moved_ = 0;
  std::int64_t looked_ = 0;
  int surprises_ = 0;
};

result<std::optional<directory>> open_place(const tree_place& place) {
  auto opened = open_below(place.parent, place.name);
  if (!opened || *opened)
    return opened;
  auto taken = is_taken(place.parent, place.name);
  if (!taken)
    return std::move(taken).error();
  if (*taken)
    return system_fault(ENOTDIR, "open", place.parent.path_of(place.name));
  return opened;
}

} // namespace

result<std::int64_t> merge_tree(const tree_place& tree, const tree_place& into,
                                const tree_place& aside,
                                const merge_manner& manner,
                                const std::stop_token& stop) {
  auto from = open_place(tree);
  if (!from)
    return std::move(from).error();
  std::int64_t moved = 0;
  if (*from) {
    auto to = open_place(into);
    if (!to)
      return std::move(to).error();
    if (!*to)
      return system_fault(ENOENT, "open", into.parent.path_of(into.name));
    if (manner.takes_back)
      if (auto taken = take_out_new(tree, **to, aside, stop); !taken)
        return std::move(taken).error();
    auto merged =
        tree_merge{aside, std::move(**from), std::move(**to), manner, stop}
            .run();
    if (!merged)
      return merged;
    moved = *merged;
    // Before the tree goes: a tree that is gone says that all of it is safe.
    if (::syncfs(into.parent.fd.get()) != 0)
      return system_fault(errno, "syncfs", into.parent.path.string());
    if (::unlinkat(tree.parent.fd.get(), tree.name.c_str(), AT_REMOVEDIR) != 0
        && errno != ENOENT)
      return system_fault(errno, "rmdir", tree.parent.path_of(tree.name));
  }
  // Also when nothing was there: an earlier run may have died before this.
  if (auto synced = sync_directory(tree.parent); !synced)
    return std::move(synced).error();
  return moved;
}

} // namespace alula::storage
