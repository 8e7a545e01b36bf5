#include "storage/tree_ownership.hpp"

#include "storage/tree_visit.hpp"

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace alula::storage {

using jobs::status;
using jobs::system_fault;

namespace {

/// Files with several names that are remembered at once: 100 bytes each.
constexpr std::size_t max_shared_files = 200'000;

class tree_ownership {
public:
  tree_ownership(const directory& root, uid_t uid, gid_t gid)
    : root_(root), uid_(uid), gid_(gid) {}

  status visit(const tree_entry& entry) {
    if (is_right(entry.found))
      return {};
    if (*entry.name == '\0')
      return give(entry.at);
    // What the name means now: it may have been swapped since it was looked at.
    const file_descriptor fd{
        open_beneath(entry.at, entry.name, O_PATH | O_NOFOLLOW)};
    if (!fd.is_open())
      return is_none_of_ours(-fd.get()) ? status{} : failed(-fd.get(), "open");
    struct stat now {};
    if (::fstat(fd.get(), &now) != 0)
      return failed(errno, "fstat");
    if (is_right(now) || S_ISDIR(now.st_mode) || waits_for_names(now))
      return {};
    return give(fd.get());
  }

  ownership_change end() {
    for (const auto& [file, names] : shared_)
      change_.left += names;
    return change_;
  }

private:
  using file_key = std::pair<dev_t, ino_t>;

  bool is_right(const struct stat& found) const {
    return found.st_uid == uid_ && found.st_gid == gid_;
  }

  /// Gone, or another mount.
  static bool is_none_of_ours(int error) {
    return error == ENOENT || error == EXDEV;
  }

  /// A file is taken with the last of its names.
  bool waits_for_names(const struct stat& file) {
    if (file.st_nlink <= 1)
      return false;
    const file_key key{file.st_dev, file.st_ino};
    const auto at = shared_.find(key);
    if (at == shared_.end() && shared_.size() == max_shared_files) {
      ++change_.left;
      return true;
    }
    auto& names = at == shared_.end() ? shared_[key] : at->second;
    if (++names < static_cast<std::int64_t>(file.st_nlink))
      return true;
    shared_.erase(key);
    return false;
  }

  status give(int fd) {
    if (::fchownat(fd, "", uid_, gid_, AT_EMPTY_PATH) != 0)
      return failed(errno, "chown");
    ++change_.changed;
    return {};
  }

  status failed(int error, std::string_view call) const {
    return system_fault(error, call, root_.path.string());
  }

  const directory& root_;
  const uid_t uid_;
  const gid_t gid_;
  std::map<file_key, std::int64_t> shared_; ///< names seen so far
  ownership_change change_;
};

} // namespace

jobs::result<ownership_change> own_tree(const directory& root, uid_t uid,
                                        gid_t gid,
                                        const std::stop_token& stop) {
  tree_ownership owner{root, uid, gid};
  const auto walked = visit_tree(
      root, stop, [&](const tree_entry& entry) { return owner.visit(entry); });
  if (!walked)
    return walked.error();
  return owner.end();
}

} // namespace alula::storage
