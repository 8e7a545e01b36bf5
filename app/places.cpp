#include "app/places.hpp"

#include "remote/docker.hpp"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace alula::app {

namespace {

namespace fs = std::filesystem;

/// Two directories of one mount, as renameat(2) sees it: the same file system
/// bound to two places is two mounts.
bool are_on_one_mount(const fs::path& a, const fs::path& b) {
  struct statx about_a {};
  struct statx about_b {};
  if (statx(AT_FDCWD, a.c_str(), 0, STATX_MNT_ID, &about_a) != 0
      || statx(AT_FDCWD, b.c_str(), 0, STATX_MNT_ID, &about_b) != 0)
    return false;
  return about_a.stx_dev_major == about_b.stx_dev_major
         && about_a.stx_dev_minor == about_b.stx_dev_minor
         && about_a.stx_mnt_id == about_b.stx_mnt_id;
}

} // namespace

fs::path ledger_directory(const config& settings) {
  const auto& given = settings.system.ledger_directory;
  return given.empty() ? settings.system.root_directory / "alula" : given;
}

fs::path backup_directory(const config& settings) {
  const auto& given = settings.system.backup_directory;
  return given.empty() ? settings.system.root_directory / "backups" : given;
}

fs::path systems_directory(const config& settings) {
  const auto& given = settings.systems.directory;
  return given.empty() ? settings.system.root_directory / "systems" : given;
}

fs::path trash_directory(const config& settings) {
  if (!settings.system.trash_directory.empty())
    return settings.system.trash_directory;
  std::error_code error;
  // Wings resolves a link once at start, and so do the volumes.
  fs::path data = fs::weakly_canonical(settings.system.data, error);
  if (error)
    data = settings.system.data;
  const fs::path parent = data.parent_path();
  // Volumes that do not exist yet will be made in the parent, so beside it.
  if (fs::exists(data, error) && !are_on_one_mount(data, parent))
    return data / ".trash";
  return parent / ".trash";
}

fs::path staging_directory(const config& settings) {
  const auto given = trash_directory(settings);
  std::error_code error;
  // A link to another disk: that is where the volumes are.
  auto trash = fs::weakly_canonical(given, error);
  if (error)
    trash = given;
  if (!trash.has_filename()) // "/srv/trash/"
    trash = trash.parent_path();
  return trash.parent_path() / ".staging";
}

owner file_owner(const config& settings) {
  const auto& wanted = settings.system.user;
  owner out{geteuid(), getegid()};
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16'384);
  // Only root can give files away.
  if (out.uid == 0
      && getpwnam_r(settings.system.username.c_str(), &entry, buffer.data(),
                    buffer.size(), &found)
             == 0
      && found)
    out = {entry.pw_uid, entry.pw_gid};
  if (wanted.uid >= 0)
    out.uid = static_cast<uid_t>(wanted.uid);
  if (wanted.gid >= 0)
    out.gid = static_cast<gid_t>(wanted.gid);
  return out;
}

jobs::result<std::string> docker_socket(const config& settings) {
  if (!settings.docker.socket.empty())
    return remote::socket_of(settings.docker.socket);
  const char* from_environment = std::getenv("DOCKER_HOST");
  if (from_environment && *from_environment)
    return remote::socket_of(from_environment);
  return std::string{"/var/run/docker.sock"};
}

bool is_answering(const std::string& socket_path) {
  sockaddr_un to{};
  if (socket_path.size() >= sizeof to.sun_path)
    return false;
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, socket_path.data(), socket_path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return false;
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  close(fd);
  return connected;
}

} // namespace alula::app
