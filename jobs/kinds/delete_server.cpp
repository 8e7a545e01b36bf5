// Removes a server for good.
//
// From the accept on the server is suspended and belongs to this job: nothing
// can start it and nothing new may be asked of it. Its clients hear `deleted`
// and are disconnected, its background work is cancelled and awaited, its
// containers are destroyed, and its volume is renamed into the trash. Then the
// uuid is free and the caller is answered; the files follow in the background,
// after the undelete window. Its backups are kept, unless the request says
// otherwise, or it is given up before they are removed.
//
// The accept is the pivot: the Panel forgets the server on our 2xx, so nobody
// is left to ask a second time (job-engine A.2, ServerDeletionService).
#include "jobs/catalog.hpp"
#include "jobs/downloads.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/removing_backups.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/kinds/trash.hpp"
#include "jobs/ports.hpp"
#include "jobs/server_life.hpp"

#include <array>
#include <string>
#include <vector>

namespace alula::jobs {

namespace {

using fields::json;

result<job_draft> read(const submission& request) {
  if (!request.target)
    return no_such_server(request);
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto backups = fields::text(*body, "backups", 16);
  if (!backups)
    return backups.error();
  if (*backups != "" && *backups != "keep" && *backups != "delete")
    return fields::wrong("/backups", "must be \"keep\" or \"delete\"");
  job_draft draft;
  draft.input = json{{"server", request.server.view()},
                     {"backups", *backups == "delete" ? "delete" : "keep"},
                     {"container_id", request.target->container_id},
                     {"transferring", request.target->transferring}}
                    .dump();
  draft.dedup_key = "server.delete:" + std::to_string(request.target->row);
  draft.changes.emplace_back(begin_delete{});
  return draft;
}

step_outcome announce(step_context& ctx) {
  const auto input = json::parse(ctx.job.input);
  if (input.value("transferring", false))
    ctx.node.audience.announce(ctx.job.server, "transfer status",
                               {"completed"});
  // The argument is the text "null": wings-protocol 5.6.
  ctx.node.audience.announce(ctx.job.server, "deleted", {"null"});
  return step_done{};
}

step_outcome close_sockets(step_context& ctx) {
  constexpr std::uint16_t going_away = 1001; // RFC 6455, 7.4.1
  ctx.node.audience.dismiss(ctx.job.server, going_away, "server deleted",
                            ctx.node.socket_grace);
  return step_done{};
}

/// The loop has cancelled and awaited the server's other jobs (`alone`).
step_outcome cancel_background_work(step_context& ctx) {
  const auto cancelled = ctx.node.downloads.cancel_all(ctx.job.server);
  return step_done{.output = json{{"downloads", cancelled}}.dump()};
}

/// Each one that is gone is a sign of life: a removal may take minutes.
step_outcome destroy_container(step_context& ctx) {
  auto& containers = ctx.node.containers;
  const auto uuid = ctx.job.server.to_string();
  const auto recorded =
      json::parse(ctx.job.input).value("container_id", std::string{});
  std::int64_t gone = 0;
  // What ends now was wanted: nobody calls it a crash (wings-protocol 8.7).
  if (auto* life = ctx.node.life;
      life && life->processes.state(ctx.job.server) != process_state::offline)
    life->processes.set_state(ctx.job.server, process_state::stopping);
  const auto destroy = [&](std::string_view name) {
    auto destroyed = containers.destroy(name, ctx.stop);
    if (destroyed)
      ctx.report({.done = ++gone, .unit = "containers"});
    return destroyed;
  };
  // The uuid is still ours, so its names cannot belong to a newer server.
  for (const auto& name : {recorded, uuid, uuid + "_installer"}) {
    if (name.empty())
      continue;
    if (auto destroyed = destroy(name); !destroyed)
      return std::move(destroyed).error();
  }
  auto labelled = containers.find_by_label("alula.server=" + uuid, ctx.stop);
  if (!labelled)
    return std::move(labelled).error();
  for (const auto& id : *labelled)
    if (auto destroyed = destroy(id); !destroyed)
      return std::move(destroyed).error();
  return step_done{};
}

step_outcome detach_volume(step_context& ctx) {
  const auto name = trash_name(ctx.job.id);
  const auto in_trash = ctx.node.volumes.detach(ctx.job.server, name);
  if (!in_trash)
    return in_trash.error();
  const auto purge_after = ctx.now + ctx.node.undelete_window.count();
  step_done done{
      .output =
          json{{"in_trash", *in_trash}, {"purge_after", purge_after}}.dump()};
  if (*in_trash)
    done.changes.emplace_back(put_in_trash{name, purge_after});
  return done;
}

/// While the uuid is still ours: a new server of it may make backups of its
/// own.
step_outcome mark_backups(step_context& ctx) {
  step_done done;
  auto uuids = json::array();
  const bool all =
      json::parse(ctx.job.input).value("backups", std::string{}) == "delete";
  for (std::int64_t before = 0; all;) {
    const auto page = ctx.node.records.list_backups({.server = ctx.job.server},
                                                    before, 1'000);
    if (!page)
      return page.error();
    for (const auto& backup : page->items) {
      // Another job is at it, and may wait for a download of it to end.
      if (backup.state == backup_state::deleting
          && backup.owner_job != ctx.job.id)
        continue;
      uuids.push_back(backup.uuid.view());
      done.changes.emplace_back(begin_backup_delete{backup.uuid});
    }
    before = page->next_before;
    if (before == 0)
      break;
  }
  done.output = json{{"backups", uuids}}.dump();
  return done;
}

step_outcome remove_backups(step_context& ctx) {
  const auto marked = fields::told_by(ctx.job, "mark_backups");
  std::vector<backup_id> uuids;
  for (const auto& text : marked.at("backups"))
    uuids.push_back(backup_id::parse(text.get<std::string>()).value());
  auto made = remove_marked(ctx, uuids);
  if (!made)
    return std::move(made).error();
  return outcome_of(ctx, "remove_backups", *std::move(made), {});
}

/// What an install has left: its script; its log goes with the server.
status remove_install_files(const step_context& ctx) {
  auto& files = ctx.node.life->installs;
  if (auto gone = files.remove_script(ctx.job.server); !gone)
    return gone;
  return files.remove_log(ctx.job.server);
}

step_outcome forget(step_context& ctx) {
  if (ctx.node.life) {
    ctx.node.life->processes.forget(ctx.job.server);
    if (auto gone = remove_install_files(ctx); !gone)
      return std::move(gone).error();
  }
  return step_done{.changes = {forget_server{}}};
}

step_outcome retain(step_context& ctx) {
  const auto detached = fields::told_by(ctx.job, "detach_volume");
  const auto purge_after = detached.at("purge_after").get<time_ms>();
  // An undelete may have taken the files back: then there is nothing to keep.
  const auto where = find_deleted(ctx, ctx.job.id);
  if (!where)
    return where.error();
  if (*where == deleted_files::taken_out)
    return wait_for_taken_out();
  if (*where == deleted_files::in_trash && ctx.now < purge_after)
    return step_waits{
        .reason = "Retained",
        .message = "the files stay in the trash until the undelete window ends",
        .delay = std::chrono::milliseconds{purge_after - ctx.now}};
  return step_done{.changes = {begin_purge{ctx.job.id}}};
}

step_outcome purge(step_context& ctx) {
  return purge_entry(ctx, ctx.job.id);
}

} // namespace

const kind delete_server{.name = "server.delete",
                         .priority = 1,
                         .pivot_at_accept = true,
                         .preempts = true,
                         .finished_by = "trash.purge",
                         .answer_after = "forget_server",
                         .read = read,
                         .steps = {
                             retriable("announce", announce),
                             retriable("close_sockets", close_sockets),
                             {.name = "cancel_background_work",
                              .cls = step_class::retriable,
                              .run = cancel_background_work,
                              .alone = true},
                             retriable("destroy_container", destroy_container),
                             retriable("detach_volume", detach_volume),
                             retriable("mark_backups", mark_backups),
                             retriable("forget_server", forget),
                             retriable("remove_backups", remove_backups),
                             {.name = "retain",
                              .cls = step_class::retriable,
                              .run = retain,
                              .keeps_time = true},
                             retriable("purge", purge, "purge"),
                         }};

} // namespace alula::jobs
