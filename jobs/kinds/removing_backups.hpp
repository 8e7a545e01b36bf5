/// What the jobs that remove backups have in common. For the sources of kinds
/// only.
#pragma once

#include "jobs/backup.hpp"
#include "jobs/engine.hpp"
#include "jobs/kind.hpp"
#include "jobs/kinds/far_steps.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
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

/// What one run of a step that removes many backups has come to.
struct removals {
  std::vector<backup_id> gone;
  std::vector<backup_id> in_use;
  std::vector<change> changes = {}; ///< forgets what is gone
};

/// Removes those of them that this job has marked and nobody downloads: a
/// download of hours keeps no other backup on the disk.
inline result<removals> remove_marked(step_context& ctx,
                                      const std::vector<backup_id>& marked) {
  removals made;
  std::int64_t settled = 0;
  for (const auto& uuid : marked) {
    const auto known = ctx.node.records.find_backup(uuid);
    if (!known)
      return known.error();
    // Pinned in time, or gone with an earlier run.
    if (!*known || (*known)->state != backup_state::deleting
        || (*known)->owner_job != ctx.job.id) {
      ++settled;
      continue;
    }
    auto removed = ctx.node.archives.remove(uuid);
    if (!removed && removed.error().code == fault_code::backup_in_use) {
      made.in_use.push_back(uuid);
      continue;
    }
    if (!removed)
      return std::move(removed).error();
    remove_objects(ctx, **known, made.changes);
    made.changes.emplace_back(forget_backup{uuid});
    made.gone.push_back(uuid);
    // A store that is away takes its time for each.
    ctx.report({.done = ++settled,
                .total = static_cast<std::int64_t>(marked.size()),
                .unit = "backups"});
  }
  return made;
}

/// What is gone is forgotten at once, and then the rest is waited for. `told`
/// is the result of the job, so far: it may be given up while it waits. The
/// next run of the step finds it, too.
inline step_outcome outcome_of(const step_context& ctx, std::string_view step,
                               removals made, std::string told) {
  if (made.in_use.empty())
    return step_done{.changes = std::move(made.changes),
                     .job_result = std::move(told)};
  if (made.gone.empty())
    return wait_for_readers(ctx, step, made.in_use.front());
  auto so_far = told;
  return step_goes_on{.output = std::move(told),
                      .changes = std::move(made.changes),
                      .job_result = std::move(so_far)};
}

} // namespace alula::jobs
