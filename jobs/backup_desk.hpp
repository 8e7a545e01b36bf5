/// What the front door may ask about backups without a job: looking, reading,
/// pinning. Every method returns at once, from any thread; callbacks come
/// exactly once, from a thread of the desk, where a caller may block: reading
/// archives is what these threads are for.
#pragma once

#include "jobs/archives.hpp"
#include "jobs/backup.hpp"
#include "jobs/rotation.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace alula::jobs {

struct backup_usage {
  struct per_server {
    server_id server; ///< empty: archives nobody has asked for
    bool server_lives = false;
    std::int64_t backups = 0;
    std::int64_t bytes = 0;       ///< of each archive once, wherever it lies
    std::int64_t local_bytes = 0; ///< of those in the backup directory
    time_ms newest_at = 0;        ///< of a ready, undamaged one; 0: none
    time_ms newest_verified = 0;
  };
  std::vector<per_server> servers;
  std::int64_t backups = 0;
  std::int64_t bytes = 0;
  std::int64_t local_bytes = 0;
  /// last_read_at() of the readable one where it is longest ago; 0: none.
  time_ms oldest_read_at = 0;
  disk_space disk; ///< of the backups
  /// What else of the node fills a disk.
  struct place {
    std::string holds; ///< "volumes", "ledger"
    disk_space disk;
  };
  std::vector<place> places = {}; ///< those that could be asked
};

class backup_desk {
public:
  virtual ~backup_desk() = default;

  /// A backup of this server; one that no server has asked for yet counts. An
  /// archive that lies in the directory and is not on record is taken on
  /// record first. `server` empty: of any. Fault backup_not_found.
  virtual void find(server_id server, backup_id backup,
                    std::function<void(result<backup_record>)> done) = 0;
  virtual void list(backup_filter filter, std::int64_t before,
                    std::size_t limit,
                    std::function<void(result<backup_page>)> done) = 0;
  virtual void usage(std::function<void(result<backup_usage>)> done) = 0;

  /// Fault backup_not_found.
  virtual void pin(backup_id backup, bool pinned,
                   std::function<void(status)> done) = 0;

  /// The policy of this server from now on; nothing: the node's again. Fault
  /// server_not_found.
  virtual void set_rotation(server_id server,
                            std::optional<rotation_policy> policy,
                            std::function<void(status)> done) = 0;

  /// What a rotation by this policy would keep and remove.
  virtual void plan_rotation(
      server_id server, rotation_policy policy,
      std::function<void(result<std::vector<rotation_choice>>)> done) = 0;

  /// The trees that undoing these restores would bring back, as the ledger has
  /// them now; of those that cannot be undone any more there is none.
  virtual void find_undoable(
      std::vector<job_id> restores,
      std::function<void(result<std::vector<replaced_tree>>)> done) = 0;

  /// Uses a one-time token up, durably. False when it was used before.
  virtual void burn_token(std::string id, time_ms expires_at,
                          std::function<void(result<bool>)> done) = 0;

  // Faults as jobs::archives.
  virtual void browse(backup_id backup, std::string path, std::string after,
                      std::size_t limit,
                      std::function<void(result<browse_page>)> done) = 0;
  virtual void open_content(
      backup_id backup, std::string path,
      std::function<void(result<std::unique_ptr<content_reader>>)> done) = 0;
  virtual void open(backup_id backup,
                    std::function<void(result<open_archive>)> done) = 0;

  /// Runs `what` on a thread of the desk: for whoever goes on reading piece by
  /// piece. False when too much waits: it is then not run.
  virtual bool run(std::function<void()> what) = 0;
};

} // namespace alula::jobs
