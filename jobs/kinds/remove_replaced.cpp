// Removes a tree that a restore replaced, when it can no longer be undone.
//
// The schedule submits one for every tree that is due; the accept claims the
// tree, so that no undo can take it from under the purge, nor when a cancel or
// a failure has ended it half-way: then the schedule comes back to it.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/kinds/trash.hpp"
#include "jobs/ports.hpp"

namespace alula::jobs {

namespace {

using fields::json;

result<job_draft> read(const submission& request) {
  const auto named = read_restore(request);
  if (!named)
    return named.error();
  job_draft draft;
  draft.input = json{{"restore", named->id.view()}}.dump();
  draft.dedup_key = "restore.remove_replaced:" + named->id.to_string();
  draft.changes.emplace_back(claim_replaced{named->id});
  return draft;
}

step_outcome purge(step_context& ctx) {
  const auto restore = fields::known_id<job_id>(ctx.job.input, "restore");
  const auto tree = ctx.node.records.find_replaced(restore);
  if (!tree)
    return tree.error();
  if (!*tree)
    return step_done{};
  const auto purged = remove_from_trash(ctx, "purge", (*tree)->name);
  if (!purged)
    return purged.error();
  return step_done{
      .changes = {forget_replaced{restore}},
      .job_result =
          json{{"entries", purged->entries}, {"bytes", purged->bytes}}.dump()};
}

/// What is gone of it nobody brings back: an undo would put half a tree in the
/// place of a whole one.
std::vector<change> when_over(const job_record& ended) {
  const auto* step = ended.find_step("purge");
  if (!step || step->state == step_state::pending)
    return {};
  return {
      release_replaced{fields::known_id<job_id>(ended.input, "restore"), true}};
}

} // namespace

const kind remove_replaced{.name = "restore.remove_replaced",
                           .priority = 3,
                           .read = read,
                           .steps = {retriable("purge", purge, "purge")},
                           .when_over = when_over};

} // namespace alula::jobs
