// Takes a restore back while the tree it replaced still lies in the trash.
//
// The accept claims that tree, the server is stopped, and the trees change
// places again; what the restore had put there lies in the trash from then on,
// so that the undo can be undone as well. Of a restore into the files that
// were there (no truncate_directory), what it had pushed aside comes back, and
// what was new with it goes.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/in_transfer.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/kinds/stop_for_restore.hpp"
#include "jobs/ports.hpp"

namespace alula::jobs {

namespace {

using fields::json;

result<job_draft> read(const submission& request) {
  const auto named = read_restore(request);
  if (!named)
    return named.error();
  const auto& restore = named->id;
  if (!request.target)
    return no_such_server(request);
  if (auto may = refuse_in_transfer(request); !may)
    return std::move(may).error();
  job_draft draft;
  draft.input = json{{"restore", restore.view()},
                     {"stop_signal", stop_signal(*request.target)}}
                    .dump();
  draft.dedup_key = "backup.undo_restore:" + restore.to_string();
  draft.changes.emplace_back(claim_replaced{restore});
  draft.changes.emplace_back(begin_restore{});
  draft.locks.push_back(
      {"server:" + std::to_string(request.target->row), true});
  return draft;
}

/// What the accept has claimed; this step is what a roll-back releases.
step_outcome claim(step_context& ctx) {
  const auto restore = fields::known_id<job_id>(ctx.job.input, "restore");
  const auto tree = ctx.node.records.find_replaced(restore);
  if (!tree)
    return tree.error();
  if (!*tree)
    return fault{.code = fault_code::not_undoable,
                 .what = "nothing is kept of restore " + restore.to_string()};
  const auto how =
      (*tree)->merged ? volumes::placing::merged : volumes::placing::whole;
  if (auto free = ctx.node.volumes.check_place(ctx.job.server, how); !free)
    return std::move(free).error();
  const auto ran = is_running(ctx);
  if (!ran)
    return ran.error();
  return step_done{.output = fields::as_text(json{{"name", (*tree)->name},
                                                  {"merged", (*tree)->merged},
                                                  {"ran", *ran}})};
}

step_outcome release(step_context& ctx) {
  const auto restore = fields::known_id<job_id>(ctx.job.input, "restore");
  return step_done{.changes = {release_replaced{restore}, end_restore{}}};
}

/// From its commit on there is only forward (restore_backup.cpp).
step_outcome commit(step_context&) {
  return step_done{};
}

step_outcome put_back(step_context& ctx) {
  const auto restore = fields::known_id<job_id>(ctx.job.input, "restore");
  const auto claimed = fields::told_by(ctx.job, "claim");
  const auto name = claimed.at("name").get<std::string>();
  const auto mine = ctx.job.id.to_string();
  const bool merged = claimed.value("merged", false);
  bool kept = true;
  if (merged) {
    const auto moved = ctx.node.volumes.merge(
        volumes::origin::trash, name, ctx.job.server, mine, ctx.stop,
        [&](std::int64_t so_far) {
          ctx.report({.done = so_far,
                      .unit = "entries",
                      .message = "putting back what was replaced"});
        });
    if (!moved)
      return moved.error();
    const auto has_more = ctx.node.volumes.is_in_trash(mine);
    if (!has_more)
      return has_more.error();
    kept = *has_more;
  } else {
    const auto swapped = ctx.node.volumes.replace(volumes::origin::trash, name,
                                                  ctx.job.server, mine);
    if (!swapped)
      return swapped.error();
    kept = *swapped;
  }
  step_done done{.output = {}, .changes = {forget_replaced{restore}}};
  if (kept)
    done.changes.emplace_back(keep_replaced{
        mine, merged, ctx.now + ctx.node.restore_undo_window.count()});
  return done;
}

step_outcome unlock(step_context&) {
  return step_done{.changes = {end_restore{}}};
}

step_outcome announce(step_context& ctx) {
  ctx.node.audience.announce(ctx.job.server, "daemon message",
                             {"The restore was taken back."});
  return step_done{};
}

} // namespace

const kind undo_restore{
    .name = "backup.undo_restore",
    .finished_by = "restore.settle",
    .answer_after = "unlock",
    .read = read,
    .steps = {
        compensatable("claim", claim, release),
        compensatable("stop", stop_server, start_server_again),
        pivot("commit", commit),
        retriable("put_back", put_back, "restore"),
        retriable("unlock", unlock),
        retriable("announce", announce),
    }};

} // namespace alula::jobs
