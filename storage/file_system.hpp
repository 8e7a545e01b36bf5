/// The few durable file-system moves alula is built from, on directory
/// descriptors: a path is resolved once, below a root every name is a single
/// component and no link or mount is ever followed. Of storage/ nothing else
/// uses openat2, renameat2 and statx, but for tree_removal.cpp, which looks at
/// much more, and config_files/config_place.cpp, which makes files.
///
/// All functions block, may be called from any thread, and report failing
/// system calls as io_error or insufficient_storage.
#pragma once

#include "jobs/descriptor.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

struct statx;

namespace alula::storage {

using file_descriptor = jobs::descriptor;

/// What makes a directory itself, however it is reached. Two bind mounts of
/// one file system differ in `mount` only (statx, STATX_MNT_ID, Linux 5.8).
struct file_identity {
  std::uint64_t device = 0;
  std::uint64_t mount = 0;
  std::uint64_t inode = 0;

  bool is_same_place(const file_identity& other) const {
    return device == other.device && mount == other.mount;
  }
  friend bool operator==(const file_identity&, const file_identity&) = default;
};

/// Who a new directory belongs to.
struct ownership {
  uid_t uid;
  gid_t gid;
  mode_t mode; ///< exact, whatever the umask says
};

/// A directory that is held open, with its path for messages.
struct directory {
  file_descriptor fd;
  file_identity identity;
  std::filesystem::path path; ///< absolute, links resolved

  std::string path_of(std::string_view name) const {
    return (path / name).string();
  }
};

/// One path component that names an entry: not empty, ".", "..", no '/', no
/// NUL, at most 255 bytes (NAME_MAX).
bool is_plain_name(std::string_view name);

/// From a statx that asked for STATX_INO and STATX_MNT_ID.
file_identity identity_of(const struct ::statx& found);

jobs::result<file_identity> identify(int fd, std::string_view path);

/// Opens a directory by path, following links in it, and makes what is missing
/// of it durable first. Only the last component gets `owner`; parents are made
/// 0755 for whoever runs alula. An existing directory is left as it is.
jobs::result<directory> open_root(const std::filesystem::path& path,
                                  const std::optional<ownership>& owner);

/// openat2 of one component with RESOLVE_BENEATH, NO_SYMLINKS, NO_MAGICLINKS
/// and NO_XDEV; the descriptor or -errno. EXDEV: a mount lies on it.
int open_beneath(int parent, const char* name, int flags);

/// The same of a path, which may lead over links as long as they end beneath
/// `root`. EXDEV: it leads out, or a mount lies on it.
int open_inside(int root, const char* path, int flags);

/// `path` is for the message. Nothing of it is durable yet.
jobs::status write_all(int fd, std::string_view text, const std::string& path);

/// fsync; a failed one is never repeated and believed (design 3).
jobs::status sync_directory(const directory& dir);

/// True when it was made; false when a directory of that name is there, which
/// is then left alone unless it is empty (a crash may have come between making
/// and owning it). Durable either way. Fault io_error: something else has the
/// name.
jobs::result<bool> make_directory(const directory& parent,
                                  const std::string& name,
                                  const ownership& owner);

/// Whether anything, of whatever type, has the name; links are not followed.
jobs::result<bool> is_taken(const directory& dir, const std::string& name);

/// What has a name, as far as it matters to a rename.
enum class occupant { nothing, entry, link, mount };
jobs::result<occupant> look_at(const directory& dir, const std::string& name);

enum class rename_outcome { moved, source_missing, target_exists };

/// Moves an entry and never replaces one; not durable until both directories
/// are synced. File systems without RENAME_NOREPLACE (NFS, ZFS before 2.2) get
/// rename_after_look.
jobs::result<rename_outcome> rename_new(const directory& from,
                                        const std::string& old_name,
                                        const directory& to,
                                        const std::string& new_name);

/// The same by looking first. What may slip in between the look and the rename
/// is at most an empty directory, which rename(2) replaces, nothing else.
jobs::result<rename_outcome> rename_after_look(const directory& from,
                                               const std::string& old_name,
                                               const directory& to,
                                               const std::string& new_name);

/// Removes the directory if it is empty; leaves everything else. Not durable
/// until the parent is synced.
jobs::status remove_if_empty(const directory& parent, const std::string& name);

/// All names in it but "." and "..".
jobs::result<std::vector<std::string>> list_names(const directory& dir);

} // namespace alula::storage
