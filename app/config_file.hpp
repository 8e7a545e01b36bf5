/// Writing a configuration file: what the Panel says about it, merged into what
/// stands there, and made durable whole or not at all.
#pragma once

#include "jobs/result.hpp"

#include <filesystem>
#include <string>

namespace alula::app {

/// The text of a configuration file. Faults: io_error when it is not there or
/// cannot be read whole, or is larger than any that is started with.
jobs::result<std::string> read_config(const std::filesystem::path& file);

/// The file's text with what a `POST /api/update` may change (wings-protocol
/// 2.20): debug, app_name, uuid, token_id, token, remote, api.host, api.port,
/// api.upload_limit, system.sftp.bind_port. Paths, commands, mounts and
/// certificates are not taken from outside; other members are ignored, other
/// keys of the file stay, its comments do not. Fault malformed: no JSON object,
/// a member of the wrong type, or a file that could not be started with.
jobs::result<std::string> merge_update(const std::string& yaml,
                                       const std::string& body);

/// A whole new file of what `GET …/nodes/{id}/configuration` answered
/// (wings-protocol 10.7). The caller trusts who answered. Fault malformed.
jobs::result<std::string> new_config(const std::string& body);

/// Mode 0600, by another name that is renamed when it is on disk. A file that
/// was there keeps its owner; a link to it stays one.
jobs::status write_config(const std::filesystem::path& file,
                          const std::string& text);

} // namespace alula::app
