#include "storage/tree_overlap.hpp"

#include "storage/directory_batch.hpp"
#include "storage/tree_aside.hpp"
#include "storage/tree_usage.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::status;
using jobs::system_fault;

namespace {

constexpr std::int64_t block_size = 512; // stat(2)

class tree_overlap {
public:
  tree_overlap(const directory& tree, const directory& volume,
               const std::stop_token& stop,
               const jobs::volumes::walk_tell& tell)
    : tree_(tree), volume_(volume), stop_(stop), looked_(tell),
      batch_(64 * 1024) {}

  result<std::int64_t> run() {
    for (todo_.emplace_back(); !todo_.empty();) {
      const auto path = std::move(todo_.back());
      todo_.pop_back();
      if (auto compared = compare(path); !compared)
        return std::move(compared).error();
    }
    return bytes_;
  }

private:
  status compare(const std::string& path) {
    auto tree = open_below(tree_, path);
    if (!tree)
      return std::move(tree).error();
    auto volume = open_below(volume_, path);
    if (!volume)
      return std::move(volume).error();
    while (*tree && *volume) {
      if (!batch_.read((*tree)->fd.get()))
        return system_fault(errno, "getdents", (*tree)->path.string());
      if (batch_.is_end())
        break;
      for (const auto& entry : batch_)
        if (auto counted = count(path, **tree, **volume, entry.d_name);
            !counted)
          return counted;
    }
    return {};
  }

  status count(const std::string& path, const directory& tree,
               const directory& volume, const std::string& name) {
    if (stop_.stop_requested())
      return fault{fault_code::interrupted, "The measuring was asked to stop.",
                   volume_.path.string()};
    looked_.add();
    struct stat there {};
    if (::fstatat(volume.fd.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW)
        != 0)
      return errno == ENOENT
                 ? status{}
                 : system_fault(errno, "stat", volume.path_of(name));
    if (!S_ISDIR(there.st_mode)) {
      const auto names = std::max<nlink_t>(there.st_nlink, 1);
      bytes_ += there.st_blocks * block_size / static_cast<std::int64_t>(names);
      return {};
    }
    const auto below = path.empty() ? name : path + '/' + name;
    struct stat staged {};
    const bool is_both =
        ::fstatat(tree.fd.get(), name.c_str(), &staged, AT_SYMLINK_NOFOLLOW)
            == 0
        && S_ISDIR(staged.st_mode);
    if (is_both)
      todo_.push_back(below);
    return is_both ? status{} : count_all(below);
  }

  status count_all(const std::string& path) {
    auto whole = open_below(volume_, path);
    if (!whole)
      return std::move(whole).error();
    if (!*whole)
      return {};
    auto size = measure_tree(**whole, stop_, looked_);
    if (!size)
      return std::move(size).error();
    bytes_ += *size;
    return {};
  }

  const directory& tree_;
  const directory& volume_;
  const std::stop_token& stop_;
  entry_count looked_; ///< of both trees
  directory_batch batch_;
  std::vector<std::string> todo_; ///< directories on both sides
  std::int64_t bytes_ = 0;
};

} // namespace

result<std::int64_t> measure_overlap(const directory& tree,
                                     const directory& volume,
                                     const std::stop_token& stop,
                                     const jobs::volumes::walk_tell& tell) {
  return tree_overlap{tree, volume, stop, tell}.run();
}

} // namespace alula::storage
