/// Rewrites the configuration files in the servers' volumes.
#pragma once

#include "jobs/config_files.hpp"
#include "jobs/ports.hpp"
#include "storage/config_files/config_values.hpp"

#include <sys/types.h>

namespace alula::storage {

struct config_file_settings {
  uid_t uid = 0; ///< who new files belong to
  gid_t gid = 0;
  /// What eggs may ask of the node. Everybody who can edit an egg, or read the
  /// files of a server, can read it: no secrets.
  node_values values;
};

class local_config_files final : public jobs::config_files {
public:
  /// `volumes` must outlive it.
  local_config_files(jobs::volumes& volumes, config_file_settings settings);

  /// Logs `config-file-rewritten`, `config-file-left`, `config-file-note`.
  jobs::result<std::vector<jobs::config_outcome>>
  rewrite(const jobs::server_id& server,
          const std::vector<jobs::config_file>& files,
          std::stop_token stop) override;

private:
  jobs::config_outcome rewrite_one(int volume,
                                   const jobs::config_file& wanted) const;

  jobs::volumes& volumes_;
  const config_file_settings settings_;
};

} // namespace alula::storage
