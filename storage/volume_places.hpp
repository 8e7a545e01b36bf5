/// The open directories behind local_volumes, for its sources only.
#pragma once

#include "storage/file_system.hpp"
#include "storage/local_volumes.hpp"
#include "storage/tree_aside.hpp"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/stat.h>

namespace alula::storage {

struct local_volumes::places {
  directory volumes;
  directory trash;
  directory staging;
  ownership server_user;
  std::shared_ptr<jobs::disk_room> room;

  const directory& source(origin from) const {
    return from == origin::staging ? staging : trash;
  }

  /// Both ends of a rename. Where a name arrives is synced first: a power cut
  /// in between may show the tree twice, never nowhere.
  jobs::status sync_move(const directory& from, const directory& to) const {
    if (auto synced = sync_directory(to); !synced)
      return synced;
    return sync_directory(from);
  }
};

/// What stands in a volume's place and is no directory: only an operator can
/// tell what is to become of it, so there is nothing to try again.
inline jobs::status refuse_stranger(const directory& volumes,
                                    const std::string& name) {
  struct stat found {};
  if (::fstatat(volumes.fd.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW)
          != 0
      || S_ISDIR(found.st_mode))
    return {}; // what is wrong besides, the next call tells
  const auto path = volumes.path_of(name);
  return jobs::fault{
      jobs::fault_code::volume_obstructed,
      path
          + (S_ISLNK(found.st_mode)
                 ? " is a symbolic link; alula does not follow it. Remove it, "
                   "or put the directory itself in its place."
                 : " is a file where a directory should be. Move it away."),
      path};
}

/// Why a volume cannot be opened. One that is not there does not come back by
/// itself.
inline jobs::fault unopened(int error, const directory& volumes,
                            const std::string& name) {
  const auto path = volumes.path_of(name);
  if (error == ENOENT)
    return {jobs::fault_code::volume_obstructed,
            "There is no directory " + path
                + ". Put the server's files there, or an empty directory.",
            path};
  if (auto stranger = refuse_stranger(volumes, name); !stranger)
    return std::move(stranger).error();
  return jobs::system_fault(error, "open", path);
}

/// Fault volume_obstructed when a link or a mount point has the name.
jobs::status refuse_obstacle(const directory& live, const std::string& volume);

/// Makes the place of a volume free: what is there goes to the trash as
/// `entry`, and when an earlier call has done that, only an empty directory may
/// go. Not durable until both directories are synced. `target_exists`: the
/// earlier call's. Fault io_error: files came in its place since.
jobs::result<rename_outcome> clear_place(const directory& volumes,
                                         const std::string& volume,
                                         const directory& trash,
                                         const std::string& entry);

/// What a name that is no plain one is answered with.
inline jobs::fault bad_entry(std::string_view entry) {
  return {.code = jobs::fault_code::internal,
          .what = "An entry of the trash or of the staging directory is one "
                  "plain file name.",
          .where = std::string{entry}};
}

} // namespace alula::storage
