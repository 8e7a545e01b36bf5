// Puts in order what a restore, or the undo of one, has left that was given up.
//
// One that was given up between its two renames has moved the server's files
// into the trash and put nothing in their place; one that died after both has
// put the new tree there and recorded nothing of the old one. It is accepted by
// the abandoning itself, and by every boot for an entry of the trash that bears
// the name of such a job and is on no record.
//
// Where the server has no files they come back, and what the restore had
// unpacked goes. Where it has files, the restore's or somebody else's, those of
// before stay in the trash like those of a restore that succeeded: they can be
// taken back with its id (backup.undo_restore) until they are removed. Those of
// a server that was deleted meanwhile go at once.
//
// It stands in the server's line, so nothing else changes its files meanwhile;
// of a server that leaves it works on the trash only.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/kinds/stop_for_restore.hpp"
#include "jobs/kinds/trash.hpp"
#include "jobs/ports.hpp"

namespace alula::jobs {

namespace {

using fields::json;

/// Asked about the restore, or again about a job of this kind that failed: then
/// its input comes back as the body.
result<job_draft> read(const submission& request) {
  auto restore = request.subject;
  const auto body = json::parse(request.body, nullptr, false);
  if (body.is_object() && body.contains("given_up"))
    if (const auto named = fields::id<job_id>(body, "given_up"))
      restore = *named;
  if (restore.empty())
    return fault{.code = fault_code::trash_not_found,
                 .what = "it is not said which restore was given up"};
  const bool lives = request.target
                     && request.target->state != server_state::deleting
                     && request.target->state != server_state::deleted;
  job_draft draft;
  draft.input = json{{"given_up", restore.view()}, {"lives", lives}}.dump();
  draft.dedup_key = "restore.settle:" + restore.to_string();
  draft.lane = lives ? "" : "trash";
  draft.changes.emplace_back(adopt_trash{restore});
  return draft;
}

job_id given_up(const step_context& ctx) {
  return fields::known_id<job_id>(ctx.job.input, "given_up");
}

/// What an undo had claimed: {"name", "merged"}; null of a restore.
json claimed_by(const job_record& job) {
  const auto* claim = job.find_step("claim");
  return claim && !claim->output.empty() ? json::parse(claim->output) : json();
}

bool is_merge(const job_record& job) {
  if (const auto claimed = claimed_by(job); claimed.is_object())
    return claimed.value("merged", false);
  return !json::parse(job.input).value("truncate_directory", false);
}

/// The tree that an undo has put in the place of the volume is not in the trash
/// any more: nobody can go back to it once more.
status forget_what_came_back(step_context& ctx, const job_record& job,
                             step_done& done) {
  const auto claimed = claimed_by(job);
  if (!claimed.is_object())
    return {};
  const auto there =
      ctx.node.volumes.is_in_trash(claimed.at("name").get<std::string>());
  if (!there)
    return there.error();
  if (*there)
    return {};
  const auto restore = fields::known_id<job_id>(job.input, "restore");
  done.changes.emplace_back(claim_replaced{restore, true});
  done.changes.emplace_back(forget_replaced{restore});
  return {};
}

/// False when the server has files, or runs on what it has.
result<bool> put_back(step_context& ctx, const std::string& entry) {
  const auto runs = is_running(ctx);
  if (!runs)
    return runs.error();
  if (*runs)
    return false;
  auto& volumes = ctx.node.volumes;
  // dockerd makes missing mount sources anew.
  if (auto cleared = volumes.remove_if_empty(ctx.job.server); !cleared)
    return std::move(cleared).error();
  const auto there = volumes.exists(ctx.job.server);
  if (!there)
    return there.error();
  if (*there)
    return false;
  if (auto back = volumes.reattach(entry, ctx.job.server); !back)
    return std::move(back).error();
  ctx.node.audience.announce(ctx.job.server, "daemon message",
                             {"The restore was given up; the files of the "
                              "server are as they were."});
  return true;
}

step_outcome remove_left(step_context& ctx, const std::string& entry) {
  const auto purged = ctx.node.volumes.purge(
      entry, ctx.stop, [&](const volumes::purge_progress& so_far) {
        ctx.report(
            progress_of(so_far, std::to_string(so_far.bytes) + " bytes freed"));
      });
  if (!purged)
    return purged.error();
  return step_done{.job_result = json{{"files", "removed"}}.dump()};
}

step_outcome settle(step_context& ctx) {
  const auto restore = given_up(ctx);
  const auto entry = restore.to_string();
  if (!json::parse(ctx.job.input).value("lives", true))
    return remove_left(ctx, entry);
  const auto known = ctx.node.records.find_job(restore);
  if (!known)
    return known.error();
  if (!*known)
    return fault{.code = fault_code::job_not_found,
                 .what = "there is no job " + entry + " any more"};
  step_done done{.job_result = json{{"files", "untouched"}}.dump()};
  if (auto told = forget_what_came_back(ctx, **known, done); !told)
    return std::move(told).error();
  const auto there = ctx.node.volumes.is_in_trash(entry);
  if (!there)
    return there.error();
  if (!*there)
    return done;
  const bool merged = is_merge(**known);
  if (!merged) {
    const auto back = put_back(ctx, entry);
    if (!back)
      return back.error();
    if (*back) {
      done.job_result = json{{"files", "put back"}}.dump();
      return done;
    }
  }
  const auto keep_until = ctx.now + ctx.node.restore_undo_window.count();
  done.changes.emplace_back(keep_replaced{entry, merged, keep_until, restore});
  done.job_result =
      json{{"files", "kept"}, {"undo", entry}, {"undo_until", keep_until}}
          .dump();
  return done;
}

step_outcome discard(step_context& ctx) {
  auto gone = discard_telling(ctx, given_up(ctx).to_string(), ctx.stop);
  if (!gone)
    return std::move(gone).error();
  return step_done{};
}

} // namespace

const kind settle_restore{
    .name = "restore.settle",
    .priority = 1,
    .pivot_at_accept = true,
    .is_apart = true,
    .finished_by = "restore.settle",
    .read = read,
    .steps = {
        retriable("settle", settle, "restore"),
        with_stall_limit(retriable("discard", discard, "restore"),
                         std::chrono::hours{1}),
    }};

} // namespace alula::jobs
