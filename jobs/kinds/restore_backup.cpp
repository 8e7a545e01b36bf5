// Puts a backup back in the place of a server's files.
//
// An archive that does not lie in the backup directory is fetched first, from
// the link of the request (adapter "s3") or from a store of ours, while the
// server still runs.
//
// What cannot succeed is refused first: a volume that cannot be moved, a disk
// or a quota too small, also for what of it is chosen, chosen paths that the
// manifest does not list. Where only trees that other restores replaced are in
// the way of the room, the oldest of them are claimed and count as room from
// then on (decision 45). Some go before a download, when that shares their disk
// and does not fit beside them; all others stay until the archive is known to
// be good.
//
// Then the server is stopped, and the archive is checked: that of another
// program by its checksums and all that is in it; of one of ours every byte by
// its SHA-256, since these cannot be what was written and hold anything else.
// Now claimed trees go, one by one while there is no room without, and the
// result says whose. The files are written into a staging directory beside the
// volume, by descriptors and within limits, and every member and header of the
// archive is checked on the way, chosen or not: only then one of ours counts as
// verified, or as damaged after all. Up to here the server's own files were not
// touched, and a failure, a full disk or a cancel leaves them as they were.
//
// The commit of the decision is the pivot: a swap that fails between its two
// renames, or a merge half-way, can only be finished, never taken back, so it
// is tried again until it is done or an operator is needed. Then two renames
// swap the trees. The old tree stays in the trash for `restore_undo` hours
// (backup.undo_restore); another job removes it (restore.remove_replaced).
//
// Without truncate_directory the files are moved into the volume one by one
// instead, and what was in their way goes to the trash, with the names of what
// is new.
//
// From the accept on the server is in state `restoring`: starts are refused
// (server_power.cpp). Whether it is suspended is nobody's business here.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/chosen_paths.hpp"
#include "jobs/kinds/claimed_trees.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/kinds/far_steps.hpp"
#include "jobs/kinds/fetch_for_restore.hpp"
#include "jobs/kinds/in_transfer.hpp"
#include "jobs/kinds/packing.hpp"
#include "jobs/kinds/reading_backups.hpp"
#include "jobs/kinds/reports.hpp"
#include "jobs/kinds/room_for_restore.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/kinds/stop_for_restore.hpp"
#include "jobs/kinds/swap_for_restore.hpp"
#include "jobs/kinds/trash.hpp"
#include "jobs/ports.hpp"

#include <string>
#include <utility>
#include <vector>

namespace alula::jobs {

namespace {

using fields::json;

result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto adapter = fields::text(*body, "adapter", 16);
  if (!adapter)
    return adapter.error();
  // As Wings answers them (design 4).
  if (*adapter != "wings" && *adapter != "s3")
    return fault{.code = fault_code::malformed,
                 .what = "adapter must be \"wings\" or \"s3\""};
  const auto url = fields::text(*body, "download_url", 8'192);
  if (!url)
    return url.error();
  if (*adapter == "s3" && url->empty())
    return fault{.code = fault_code::malformed,
                 .what = "a restore from s3 needs a download_url"};
  const auto truncate = fields::flag(*body, "truncate_directory", false);
  if (!truncate)
    return truncate.error();
  const auto paths = read_paths(*body);
  if (!paths)
    return paths.error();
  const auto paths64 = read_paths64(*body);
  if (!paths64)
    return paths64.error();
  if (*truncate && !(paths->empty() && paths64->empty()))
    return fields::wrong("/truncate_directory",
                         "cannot be combined with chosen paths: everything "
                         "else would be lost");
  const auto uuid = fields::id<backup_id>(*body, "backup");
  if (!uuid)
    return uuid.error();
  if (!request.target)
    return no_such_server(request);
  if (auto may = refuse_in_transfer(request); !may)
    return std::move(may).error();

  job_draft draft;
  draft.input = json{{"adapter", *adapter},
                     {"backup", uuid->view()},
                     {"truncate_directory", *truncate},
                     {"paths", paths->empty() ? json() : *paths},
                     {"paths64", paths64->empty() ? json() : *paths64},
                     {"quota", quota_of(*request.target)},
                     {"stop_signal", stop_signal(*request.target)}}
                    .dump(-1, ' ', false, json::error_handler_t::replace);
  // Another program may have sent it to the Panel's store: it is on no record.
  if (*adapter != "s3")
    draft.changes.emplace_back(claim_backup{*uuid, request.target->uuid});
  else // not in the input: it is a secret
    draft.changes.emplace_back(
        keep_transfer{{.place = std::string{panel_place}, .links = {*url}}});
  draft.changes.emplace_back(begin_restore{});
  draft.locks.push_back(
      {"server:" + std::to_string(request.target->row), true});
  draft.locks.push_back({"backup:" + uuid->to_string(), false});
  return draft;
}

/// Nothing yet: its undo is the last of all, when the server is free again.
step_outcome begin(step_context&) {
  return step_done{};
}

step_outcome make_room(step_context& ctx) {
  const auto ahead = look_ahead(ctx);
  if (!ahead)
    return ahead.error();
  if (const auto listed = manifest_has_paths(ctx); !listed)
    return listed.error();
  return claim_room(ctx, *ahead);
}

/// Refuses what cannot fit before the server is even stopped.
step_outcome preflight(step_context& ctx) {
  const auto ahead = look_ahead(ctx);
  if (!ahead)
    return ahead.error();
  const auto& known = ahead->content;
  const auto& written = ahead->written;
  if (auto kept = keep_room_beside_trees(ctx, needed_room(written)); !kept)
    return without_room(std::move(kept).error());
  const auto sorted = ahead->files_to_sort();
  if (auto kept = keep_backup_room(ctx, ahead->download, sorted); !kept)
    return std::move(kept).error();
  const auto ran = is_running(ctx);
  if (!ran)
    return ran.error();
  const json chosen{{"files", written.files}, {"bytes", written.bytes}};
  const json out{{"files", known.files},
                 {"bytes", known.bytes},
                 {"written", chosen},
                 {"sorted", sorted},
                 {"ran", *ran}};
  return step_done{.output = out.dump()};
}

/// What is found is on record before the job fails over it, in `extract`.
step_outcome verify(step_context& ctx) {
  const bool is_fetched = !fetched_by(ctx).empty();
  const auto found =
      is_fetched ? check_fetched(ctx, backup_of(ctx.job))
                 : check_backup(ctx, backup_of(ctx.job), check_for::who_waits,
                                check_depth::sum_of_ours);
  if (!found)
    return found.error();
  // What was fetched says nothing of what is stored.
  std::vector<change> changes;
  if (!is_fetched && found->is_telling())
    changes = found->on_record(backup_of(ctx.job));
  else if (!is_fetched && found->renewed)
    changes.emplace_back(record_found_backup{*found->renewed});
  return step_done{.output = json{{"damage", found->damage},
                                  {"missing", found->missing},
                                  {"whole", found->is_whole},
                                  {"files", found->facts.files},
                                  {"bytes", found->facts.content_bytes}}
                                 .dump(),
                   .changes = std::move(changes)};
}

/// What a manifest said, or else what the verification has counted. An older
/// release has not kept how many files that found.
tree_size size_of(const step_context& ctx) {
  const auto planned = size_in(fields::told_by(ctx.job, "preflight"));
  return planned.bytes > 0 ? planned
                           : size_in(fields::told_by(ctx.job, "verify"));
}

/// What of it is unpacked; all 0: nobody knows before it is, as after an older
/// release.
tree_size written_of(const step_context& ctx) {
  if (chosen_paths(ctx).empty())
    return size_of(ctx);
  return size_in(
      fields::told_by(ctx.job, "preflight").value("written", json::object()));
}

status refuse_unfit(const step_context& ctx) {
  const auto found = fields::told_by(ctx.job, "verify");
  if (const auto what = found.value("missing", std::string{}); !what.empty())
    return fault{.code = fault_code::backup_not_found, .what = what};
  if (const auto what = found.value("damage", std::string{}); !what.empty())
    return fault{.code = fault_code::backup_damaged, .what = what};
  return check_quota(ctx, size_of(ctx).bytes);
}

/// Nothing was written for the chosen paths: they may be empty directories.
status check_found_any(step_context& ctx) {
  const auto listed = manifest_has_paths(ctx);
  if (!listed)
    return listed.error();
  if (*listed)
    return {};
  return fault{.code = fault_code::path_not_found,
               .what = "the backup has none of the paths"};
}

step_outcome extract(step_context& ctx) {
  if (auto fit = refuse_unfit(ctx); !fit)
    return std::move(fit).error();
  const auto whole = written_of(ctx);
  const auto needs = needed_room(whole);
  // What a crash has left there is in the way of its own room.
  if (auto gone = discard_telling(ctx, tree_of_restore(ctx), ctx.stop); !gone)
    return std::move(gone).error();
  if (auto part = take_room(ctx, needs))
    return *std::move(part);
  room_watch watch{ctx, needs};
  if (auto room = watch.begin(); !room)
    return without_room(std::move(room).error());
  // Before it was the room of the download, and a restart keeps nothing.
  const auto planned = fields::told_by(ctx.job, "preflight");
  if (auto kept =
          keep_backup_room(ctx, 0, planned.value("sorted", std::int64_t{0}));
      !kept)
    return std::move(kept).error();
  auto staging = ctx.node.volumes.stage(tree_of_restore(ctx), ctx.stop);
  if (!staging)
    return without_room(std::move(staging).error());
  extraction_order order;
  order.backup = backup_of(ctx.job);
  order.paths = chosen_paths(ctx);
  order.limits.bytes = quota_in(ctx);
  order.fetched_by = fetched_by(ctx);
  auto made = ctx.node.archives.extract(
      order, *staging, watch.token(), [&](const archive_progress_made& so_far) {
        watch.wrote(so_far);
        ctx.report(progress_of(so_far, whole, "unpacking"));
      });
  if (!made)
    return without_room(watch.why(std::move(made).error()));
  if (!order.paths.empty() && made->files == 0)
    if (auto any = check_found_any(ctx); !any)
      return std::move(any).error();
  if (auto fits = check_merged_quota(ctx, tree_of_restore(ctx)); !fits)
    return std::move(fits).error();
  step_done done{.output = with_removed_trees(ctx.job, as_text(*made))};
  // Every member of it was read now, and before that every byte compared.
  if (order.fetched_by.empty()
      && !fields::told_by(ctx.job, "verify").value("whole", true))
    done.changes.emplace_back(record_verification{order.backup, {}});
  return done;
}

step_outcome discard(step_context& ctx) {
  // The undo runs to its end, whatever the job was asked.
  if (auto gone = discard_telling(ctx, tree_of_restore(ctx), {}); !gone)
    return std::move(gone).error();
  return step_done{};
}

/// From its commit on there is only forward.
step_outcome commit(step_context&) {
  return step_done{};
}

void free_room(step_context& ctx) {
  ctx.node.volumes.release(ctx.job.id);
  ctx.node.archives.release(ctx.job.id);
}

step_outcome unlock(step_context& ctx) {
  const auto made = fields::told_by(ctx.job, "extract");
  free_room(ctx);
  if (!fetched_by(ctx).empty())
    if (auto gone = ctx.node.archives.discard(backup_of(ctx.job), ctx.job.id);
        !gone)
      return std::move(gone).error();
  auto result = made;
  result.erase(removed_trees_key);
  if (const auto gone = removed_trees(ctx.job); !gone.empty())
    result[removed_trees_key] = gone;
  result["backup"] = backup_of(ctx.job).view();
  result.update(told_by_swap(ctx));
  return step_done{
      .changes = {end_restore{}, reports::restore_has_ended(
                                     ctx.job.server, backup_of(ctx.job), true)},
      .job_result = result.dump()};
}

/// What only unpacking it has shown to be wrong with the archive here.
std::vector<change> damage_met(const job_record& ended) {
  const auto* fetch = ended.find_step("fetch");
  const auto* extract = ended.find_step("extract");
  const bool is_fetched = fetch && !fetch->output.empty();
  if (is_fetched || !extract || extract->state == step_state::done
      || !extract->error || extract->error->code != fault_code::backup_damaged)
    return {};
  return {record_verification{backup_of(ended), extract->error->what}};
}

std::vector<change> when_over(const job_record& ended) {
  const auto* unlocked = ended.find_step("unlock");
  if (unlocked && unlocked->state == step_state::done)
    return {};
  auto changes = changes_for_trees(ended);
  for (auto& met : damage_met(ended))
    changes.push_back(std::move(met));
  changes.push_back(
      reports::restore_has_ended(ended.server, backup_of(ended), false));
  return changes;
}

/// wings-protocol 2.13, step 6; here the server can be started by then.
step_outcome announce(step_context& ctx) {
  const bool is_local = fetched_by(ctx).empty();
  ctx.node.audience.announce(ctx.job.server, "daemon message",
                             {is_local ? "Completed server restoration from "
                                         "local backup."
                                       : "Completed server restoration from "
                                         "S3 backup."});
  if (const auto told = merge_message(ctx); !told.empty())
    ctx.node.audience.announce(ctx.job.server, "daemon message", {told});
  ctx.node.audience.announce(ctx.job.server, "backup restore completed", {""});
  return step_done{};
}

step_outcome free_server(step_context& ctx) {
  free_room(ctx);
  return step_done{.changes = {end_restore{}}};
}

/// Clients wait for the event after a failure too (trap 80).
step_outcome announce_failure(step_context& ctx) {
  std::string told = "The backup was not restored; the files of the server are "
                     "as they were.";
  if (!removed_trees(ctx.job).empty())
    told += " To make room for it, what older restores had replaced was "
            "removed: they cannot be taken back any more.";
  ctx.node.audience.announce(ctx.job.server, "daemon message", {told});
  ctx.node.audience.announce(ctx.job.server, "backup restore completed", {""});
  return step_done{};
}

} // namespace

const kind restore_backup{
    .name = "backup.restore",
    .plan_version = 2,
    .max_attempts = 3, // each reads the whole archive again
    .finished_by = "restore.settle",
    .answer_after = "unlock",
    .read = read,
    .steps =
        {
            compensatable("begin", begin, announce_failure),
            compensatable("make_room", make_room, let_trees_go, "restore"),
            compensatable("clear_room", clear_room_for_download, nullptr,
                          "restore"),
            compensatable("preflight", preflight, free_server, "restore"),
            compensatable("fetch", fetch_archive, discard_fetched, "transfer"),
            compensatable("stop", stop_server, start_server_again),
            compensatable("verify", verify, nullptr, "restore"),
            compensatable("extract", extract, discard, "restore"),
            pivot("commit", commit),
            retriable("swap", swap_trees, "restore"),
            retriable("unlock", unlock),
            retriable("announce", announce),
        },
    .when_over = when_over,
    .tells_when_unbegun = true};

} // namespace alula::jobs
