/// The servers' data directories on a local file system, the trash beside them,
/// and the place where restored trees are made: `volumes/<server uuid>`,
/// `trash/<entry>`, `staging/<name>`.
#pragma once

#include "jobs/disk_room.hpp"
#include "jobs/ports.hpp"
#include "storage/file_system.hpp"

#include <filesystem>
#include <memory>
#include <sys/types.h>

namespace alula::storage {

struct volume_settings {
  /// Made 0755 when missing. May be a link: it is resolved once, at open.
  std::filesystem::path volumes;
  /// Made 0700 when missing. Must lie on the same mount as `volumes`.
  std::filesystem::path trash;
  /// The same. What bears the name of a job in it is removed when the job is
  /// over.
  std::filesystem::path staging;
  uid_t uid = 0; ///< who a server's files belong to
  gid_t gid = 0;
  /// Shared with who else writes to the disk; nothing: its own.
  std::shared_ptr<jobs::disk_room> room = {};
};

/// Implements the port by renames between two open directories, each synced
/// before a method returns. A file in place of a data directory is moved and
/// removed as itself; a link or a mount point is left alone and is a fault.
class local_volumes final : public jobs::volumes {
public:
  /// Blocks. Faults: io_error, insufficient_storage; a sentence naming two
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
  jobs::result<bool> is_in_trash(std::string_view entry) override;

  /// A volume that is a mount of the operator's is opened as it is.
  jobs::result<jobs::descriptor> open(const jobs::server_id& server) override;
  jobs::result<jobs::descriptor> stage(std::string_view name,
                                       std::stop_token stop) override;
  jobs::status discard_staging(
      std::string_view name, std::stop_token stop,
      const std::function<void(const purge_progress&)>& tell = {}) override;
  /// A staging tree's job is the first 36 characters of its name; what has no
  /// such name is not ours and stays. Goes on after a failure; the first one is
  /// the fault.
  jobs::status sweep_staging(const jobs::is_live_job& is_live,
                             std::stop_token stop) override;
  jobs::status check_place(const jobs::server_id& server, placing how) override;
  /// An empty data directory that came into the gap between the two renames is
  /// removed: dockerd makes missing mount sources anew. One with files in it:
  /// fault io_error, nothing is moved.
  jobs::result<bool> replace(origin from, std::string_view name,
                             const jobs::server_id& server,
                             std::string_view entry) override;
  /// Makes a volume that is not there first. See tree_merge.hpp.
  jobs::result<std::int64_t>
  merge(origin from, std::string_view name, const jobs::server_id& server,
        std::string_view entry, std::stop_token stop,
        const std::function<void(std::int64_t)>& tell = {}) override;
  /// After a crash a name that was added may count twice.
  jobs::result<merge_account> account_of_merge(
      std::string_view entry, std::stop_token stop,
      const std::function<void(const merge_account&)>& tell = {}) override;
  /// 0 when there is no volume. See tree_usage.hpp.
  jobs::result<std::int64_t> used(const jobs::server_id& server,
                                  std::stop_token stop,
                                  const walk_tell& tell = {}) override;
  jobs::result<std::int64_t>
  used_in_staging(std::string_view name, std::stop_token stop,
                  const walk_tell& tell = {}) override;
  jobs::result<std::int64_t> used_in_trash(std::string_view entry,
                                           std::stop_token stop,
                                           const walk_tell& tell = {}) override;
  jobs::result<std::int64_t> overlap(std::string_view name,
                                     const jobs::server_id& server,
                                     std::stop_token stop,
                                     const walk_tell& tell = {}) override;
  jobs::result<std::int64_t> take_ownership(const jobs::server_id& server,
                                            std::stop_token stop) override;
  jobs::result<jobs::disk_space> space() override;
  jobs::status reserve(const jobs::job_id& job,
                       const jobs::room_wanted& room) override;
  void release(const jobs::job_id& job) override;
  /// What lies beside an entry (names, tally) is not listed.
  jobs::result<std::vector<std::string>> trash_entries() override;

private:
  struct places;
  jobs::result<directory> open_tree(const jobs::server_id& server);
  explicit local_volumes(std::unique_ptr<places> held);

  const std::unique_ptr<places> places_;
};

} // namespace alula::storage
