/// Install scripts below the temporary directory and install logs below the log
/// directory, as Wings has them (wings-protocol 2.8).
#pragma once

#include "jobs/install_files.hpp"

#include <filesystem>

namespace alula::storage {

class install_directory final : public jobs::install_files {
public:
  /// `scripts` must belong to whoever runs alula, or to root, and be writable
  /// to nobody else: it may lie in /tmp. Both are made when they are needed.
  install_directory(std::filesystem::path scripts, std::filesystem::path logs);

  jobs::result<std::string> put_script(const jobs::server_id& server,
                                       std::string_view script) override;
  jobs::status remove_script(const jobs::server_id& server) override;
  jobs::status put_log(const jobs::server_id& server,
                       std::string_view text) override;
  jobs::result<std::string> read_log(const jobs::server_id& server,
                                     std::size_t most) override;
  jobs::status remove_log(const jobs::server_id& server) override;

private:
  const std::filesystem::path scripts_;
  const std::filesystem::path logs_;
};

} // namespace alula::storage
