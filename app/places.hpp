/// Where things lie and who owns them, from a config and this machine.
#pragma once

#include "app/config.hpp"
#include "jobs/result.hpp"

#include <filesystem>
#include <string>
#include <sys/types.h>

namespace alula::app {

std::filesystem::path ledger_directory(const config& settings);

std::filesystem::path backup_directory(const config& settings);
/// Of the backups that systems send.
std::filesystem::path systems_directory(const config& settings);

/// Beside the volumes, out of every server's reach, unless the volumes are a
/// mount of their own: a rename must not leave the file system, so then it is
/// `.trash` among them, which is no uuid.
std::filesystem::path trash_directory(const config& settings);

/// `.staging` beside the trash: trees that are being restored, to be renamed
/// among the volumes.
std::filesystem::path staging_directory(const config& settings);

struct owner {
  uid_t uid;
  gid_t gid;
};

/// Who server files belong to: `system.user`, else, for root,
/// `system.username`, else whoever this process is.
owner file_owner(const config& settings);

/// `docker.socket`, else $DOCKER_HOST, else /var/run/docker.sock. Fault:
/// validation for an endpoint that is no unix socket.
jobs::result<std::string> docker_socket(const config& settings);

/// Somebody accepts connections there. Does not block.
bool is_answering(const std::string& socket);

} // namespace alula::app
