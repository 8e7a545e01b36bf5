/// The servers' data directories on a local file system, and the trash beside
/// them: `volumes/<server uuid>` and `trash/<entry>`.
#pragma once

#include "jobs/ports.hpp"

#include <filesystem>
#include <memory>
#include <sys/types.h>

namespace alula::storage {

struct volume_settings {
  /// Made 0755 when missing. May be a link: it is resolved once, at open.
  std::filesystem::path volumes;
  /// Made 0700 when missing. Must lie on the same mount as `volumes`.
  std::filesystem::path trash;
  uid_t uid = 0; ///< who a server's files belong to
  gid_t gid = 0;
};

/// Implements the port by renames between two open directories, each synced
/// before a method returns. What is found in place of a data directory (a
/// link, a file) is moved and removed as itself, never followed.
class local_volumes final : public jobs::volumes {
public:
  /// Blocks. Faults: io_error, insufficient_storage; a sentence naming both
  /// directories when no rename between them is possible.
  static jobs::result<std::unique_ptr<local_volumes>> open(volume_settings);

  ~local_volumes() override;

  jobs::result<bool> create(const jobs::server_id& server) override;
  jobs::status remove_if_empty(const jobs::server_id& server) override;
  jobs::result<bool> exists(const jobs::server_id& server) override;
  /// A data directory that is in the way of a finished detach is removed when
  /// it is empty: dockerd makes missing mount sources anew. Otherwise: fault
  /// io_error.
  jobs::result<bool> detach(const jobs::server_id& server,
                            std::string_view entry) override;
  /// Fault trash_not_found: neither the entry nor the volume is there.
  jobs::status reattach(std::string_view entry,
                        const jobs::server_id& server) override;
  jobs::result<purge_progress>
  purge(std::string_view entry, std::stop_token stop,
        const std::function<void(const purge_progress&)>& tell) override;
  jobs::result<std::vector<std::string>> trash_entries() override;

private:
  struct places;
  explicit local_volumes(std::unique_ptr<places> held);

  const std::unique_ptr<places> places_;
};

} // namespace alula::storage
