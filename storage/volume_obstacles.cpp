// What keeps a tree from taking a volume's place, seen before anything is
// stopped or moved, and how the place is made free.
#include "storage/volume_places.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <string>
#include <sys/stat.h>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::server_id;
using jobs::status;
using jobs::system_fault;

namespace {

/// "\040" for a space and so on (proc(5), mountinfo).
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '7'
                 ? text[at] - '0'
                 : -1;
    };
    if (text[i] == '\\' && digit(i + 1) >= 0 && digit(i + 2) >= 0
        && digit(i + 3) >= 0) {
      out += static_cast<char>(digit(i + 1) * 64 + digit(i + 2) * 8
                               + digit(i + 3));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Something mounted below the path. Nothing also where there is no /proc: the
/// walks stop at mounts themselves.
std::optional<std::string> mount_inside(const std::string& path) {
  std::ifstream mounts{"/proc/self/mountinfo"};
  for (std::string line; std::getline(mounts, line);) {
    std::size_t from = 0;
    for (int field = 0; field < 4 && from != std::string::npos; ++field)
      from = line.find(' ', from + (field == 0 ? 0 : 1));
    if (from == std::string::npos)
      continue;
    const auto end = line.find(' ', from + 1);
    const auto at = unescaped(line.substr(from + 1, end - from - 1));
    if (at.starts_with(path + '/'))
      return at;
  }
  return std::nullopt;
}

} // namespace

/// A rename would fail on a mount point (EBUSY) or hide where a link led, every
/// time anew: only an operator can tell what is to become of them.
status refuse_obstacle(const directory& live, const std::string& volume) {
  auto found = look_at(live, volume);
  if (!found)
    return std::move(found).error();
  if (*found == occupant::link)
    return fault{fault_code::volume_obstructed,
                 live.path_of(volume)
                     + " is a symbolic link; alula does not follow it. Remove "
                       "it, or put the directory itself in its place.",
                 live.path_of(volume)};
  if (*found == occupant::mount)
    return fault{fault_code::volume_obstructed,
                 live.path_of(volume)
                     + " is a mount point and cannot be moved into the trash. "
                       "Unmount it: umount "
                     + live.path_of(volume),
                 live.path_of(volume)};
  return {};
}

result<rename_outcome> clear_place(const directory& volumes,
                                   const std::string& volume,
                                   const directory& trash,
                                   const std::string& entry) {
  auto moved = rename_new(volumes, volume, trash, entry);
  if (!moved || *moved != rename_outcome::target_exists)
    return moved;
  if (auto removed = remove_if_empty(volumes, volume); !removed)
    return std::move(removed).error();
  auto stays = is_taken(volumes, volume);
  if (!stays)
    return std::move(stays).error();
  if (*stays)
    return fault{fault_code::io_error,
                 "The volume lies in the trash as " + trash.path_of(entry)
                     + " already, and another one with files in it took its "
                       "place.",
                 volumes.path_of(volume)};
  return moved;
}

status local_volumes::check_place(const server_id& server, placing how) {
  const auto& live = places_->volumes;
  const auto volume = server.to_string();
  if (auto free = refuse_obstacle(live, volume); !free)
    return free;
  const auto path = live.path_of(volume);
  if (const auto inside = mount_inside(path))
    return fault{fault_code::volume_obstructed,
                 *inside
                     + " is mounted inside the server's files; a restore "
                       "would neither replace nor keep what is in it. "
                       "Unmount it: umount "
                     + *inside,
                 path};
  struct stat found {};
  if (::fstatat(live.fd.get(), volume.c_str(), &found, AT_SYMLINK_NOFOLLOW)
      != 0)
    return errno == ENOENT ? status{} : system_fault(errno, "stat", path);
  // A subvolume can be renamed, but nothing can be renamed into it.
  if (how == placing::merged && found.st_dev != live.identity.device)
    return fault{fault_code::volume_obstructed,
                 path
                     + " is on a device of its own; files cannot be moved into "
                       "it from the staging directory. Restore with "
                       "truncate_directory instead.",
                 path};
  return {};
}

} // namespace alula::storage
