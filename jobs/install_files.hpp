/// What an installation needs on the node's disk beside the server's files: the
/// script, where its container sees it, and the log of how it went.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace alula::jobs {

/// Blocks; worker threads; not twice at the same time for one server. Faults:
/// io_error, insufficient_storage.
class install_files {
public:
  virtual ~install_files() = default;

  /// Writes the script where no other user reads it and returns its directory.
  /// An earlier one is replaced.
  virtual result<std::string> put_script(const server_id& server,
                                         std::string_view script) = 0;

  /// Removes script and directory; missing is success.
  virtual status remove_script(const server_id& server) = 0;

  /// Replaces the log of the server, durably, readable for root alone: it holds
  /// the server's variables.
  virtual status put_log(const server_id& server, std::string_view text) = 0;

  /// Its last `most` bytes; empty when there is none.
  virtual result<std::string> read_log(const server_id& server,
                                       std::size_t most) = 0;

  /// Missing is success.
  virtual status remove_log(const server_id& server) = 0;
};

} // namespace alula::jobs
