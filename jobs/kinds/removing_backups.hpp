/// What the jobs that remove backups have in common. For the sources of kinds
/// only.
#pragma once

#include "jobs/backup.hpp"
#include "jobs/engine.hpp"
#include "jobs/kind.hpp"
#include "jobs/kinds/far_steps.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// Somebody downloads it: the job shows that, and looks again after as long as
/// it has waited already, so that a download of an hour costs a few looks.
inline step_waits wait_for_readers(const step_context& ctx,
                                   std::string_view step,
                                   const backup_id& backup) {
  using namespace std::chrono_literals;
  const std::chrono::milliseconds waited{ctx.now
                                         - ctx.job.find_step(step)->started_at};
  return {.reason = "BackupInUse",
          .message = "waits for a download of backup " + backup.to_string()
                     + " to end",
          .delay = std::clamp<std::chrono::milliseconds>(waited, 1s, 30s)};
}

/// Removes the objects of a backup in stores of ours. What a store that cannot
/// be reached still has is left on record and removed later: a delete needs no
/// remote call to succeed (user-pains A9).
inline void remove_objects(step_context& ctx, const backup_record& backup,
                           std::vector<change>& changes) {
  for (const auto& place : backup.places) {
    if (place.name == panel_place)
      continue;
    const auto store = find_store(ctx, place.name);
    if (!store || !remove_remains(**store, {.key = place.key}, ctx.stop))
      changes.emplace_back(leave_remains{place.name, place.key, ""});
    changes.emplace_back(forget_place{backup.uuid, place.name});
  }
}

} // namespace alula::jobs
