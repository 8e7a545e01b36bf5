/// Which backups of a server a rotation removes, and why: one pure function for
/// the dry run and the job. They see the same rules, not the same world: the
/// job verifies the newest backup first and looks for the others on the disk.
#pragma once

#include "jobs/backup.hpp"
#include "jobs/ids.hpp"
#include "jobs/result.hpp"
#include "jobs/server.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// A backup stays when any rule wants it. All zero: nothing is ever removed.
struct rotation_policy {
  int keep_last = 0;    ///< the newest ones
  int keep_daily = 0;   ///< the newest of each of the last days that have one
  int keep_weekly = 0;  ///< the same for ISO weeks
  int keep_monthly = 0; ///< the same for months
  /// Never fewer good ones than this are left, whatever the rules say.
  int min_keep = 1;

  bool is_off() const {
    return keep_last == 0 && keep_daily == 0 && keep_weekly == 0
           && keep_monthly == 0;
  }
  friend bool operator==(const rotation_policy&,
                         const rotation_policy&) = default;
};

/// {"keep_last":7,"keep_daily":0,…}; unknown members and numbers outside
/// 0 to 10,000 are validation faults that point at them.
result<rotation_policy> parse_rotation_policy(std::string_view json);
std::string to_json(const rotation_policy& policy);

/// The server's own, or nothing. One that this release does not understand
/// keeps everything.
std::optional<rotation_policy> own_policy(const server_record& server);

struct rotation_choice {
  backup_id backup;
  bool keep = true;
  std::string why; ///< "daily 2026-11-19", "pinned", "no rule keeps it"
};

/// One choice per backup, newest first. Days, weeks and months are those of
/// UTC, by the time a backup was completed. Backups that are not ready are
/// kept. A lost one and a damaged one satisfy no rule; a damaged one goes, a
/// lost one is left for the scan. `backups` are of one server, in any order.
std::vector<rotation_choice>
choose_for_rotation(std::vector<backup_record> backups,
                    const rotation_policy& policy);

} // namespace alula::jobs
