// Removes a backup from the node's disk and from stores of ours.
//
// From the accept on it is on its way out and nobody can restore from it; the
// files go, archive first, and then the row. While somebody downloads it the
// job waits, apart: its server can be deleted meanwhile. A backup that is
// missing is as good as deleted. One whose delete is given up is ready again.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/removing_backups.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"

namespace alula::jobs {

namespace {

result<job_draft> read(const submission& request) {
  const auto named = read_backup(request);
  if (!named)
    return named.error();
  auto draft =
      draft_about(request, named->id, "backup.delete", backup_lock::exclusive);
  draft.changes.emplace_back(begin_backup_delete{named->id});
  return draft;
}

step_outcome unlink(step_context& ctx) {
  const auto uuid = backup_of(ctx.job);
  auto removed = ctx.node.archives.remove(uuid);
  if (removed) {
    const auto known = ctx.node.records.find_backup(uuid);
    if (!known)
      return known.error();
    step_done done;
    if (*known && (*known)->owner_job == ctx.job.id)
      remove_objects(ctx, **known, done.changes);
    return done;
  }
  if (removed.error().code == fault_code::backup_in_use)
    return wait_for_readers(ctx, "unlink", uuid);
  return std::move(removed).error();
}

step_outcome forget(step_context& ctx) {
  const auto uuid = backup_of(ctx.job);
  return step_done{.changes = {forget_backup{uuid}}};
}

} // namespace

const kind delete_backup{.name = "backup.delete",
                         .lane = "delete",
                         .priority = 1,
                         .pivot_at_accept = true,
                         .answer_after = "forget",
                         .read = read,
                         .steps = {
                             {.name = "unlink",
                              .cls = step_class::retriable,
                              .run = unlink,
                              .is_apart = true},
                             {.name = "forget",
                              .cls = step_class::retriable,
                              .run = forget,
                              .is_apart = true},
                         }};

} // namespace alula::jobs
