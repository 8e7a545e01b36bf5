// Removes a server for good.
//
// From the accept on the server is suspended and belongs to this job: nothing
// can start it and nothing new may be asked of it. Its clients hear `deleted`
// and are disconnected, its background work is cancelled and awaited, its
// containers are destroyed, and its volume is renamed into the trash. Then the
// uuid is free and the caller is answered; the files follow in the background,
// after the undelete window.
//
// The accept is the pivot: the Panel forgets the server on our 2xx, so nobody
// is left to ask a second time (job-engine A.2, ServerDeletionService).
#include "jobs/catalog.hpp"
#include "jobs/downloads.hpp"
#include "jobs/engine.hpp"
#include "jobs/ports.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace alula::jobs {

namespace {

using nlohmann::json;

result<job_draft> read(const submission& request) {
  if (!request.target)
    return fault{.code = fault_code::server_not_found,
                 .what = "there is no server " + request.server.to_string()
                         + " on this node"};
  job_draft draft;
  draft.input = json{{"server", request.server.view()},
                     {"container_id", request.target->container_id},
                     {"transferring", request.target->transferring}}
                    .dump();
  draft.dedup_key = "server.delete:" + std::to_string(request.target->row);
  draft.changes.emplace_back(begin_delete{});
  return draft;
}

/// The trash entry is named after the job, so the accept commit is already the
/// intent of the rename (design 3).
std::string trash_name(const job_record& job) {
  return job.id.to_string();
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

step_outcome destroy_container(step_context& ctx) {
  auto& containers = ctx.node.containers;
  const auto uuid = ctx.job.server.to_string();
  const auto recorded =
      json::parse(ctx.job.input).value("container_id", std::string{});
  // The uuid is still ours, so its names cannot belong to a newer server.
  for (const auto& name : {recorded, uuid, uuid + "_installer"}) {
    if (name.empty())
      continue;
    if (auto destroyed = containers.destroy(name, ctx.stop); !destroyed)
      return std::move(destroyed).error();
  }
  auto labelled = containers.find_by_label("alula.server=" + uuid);
  if (!labelled)
    return std::move(labelled).error();
  for (const auto& id : *labelled)
    if (auto destroyed = containers.destroy(id, ctx.stop); !destroyed)
      return std::move(destroyed).error();
  return step_done{};
}

step_outcome detach_volume(step_context& ctx) {
  const auto name = trash_name(ctx.job);
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

step_outcome forget(step_context&) {
  return step_done{.changes = {forget_server{}}};
}

/// An undelete may have taken the files back: then there is nothing to keep.
result<bool> lies_in_trash(const step_context& ctx) {
  auto entries = ctx.node.volumes.trash_entries();
  if (!entries)
    return std::move(entries).error();
  return std::ranges::find(*entries, trash_name(ctx.job)) != entries->end();
}

step_outcome retain(step_context& ctx) {
  const auto detached = json::parse(ctx.job.find_step("detach_volume")->output);
  const auto purge_after = detached.at("purge_after").get<time_ms>();
  const auto there = lies_in_trash(ctx);
  if (!there)
    return there.error();
  if (*there && ctx.now < purge_after)
    return step_waits{
        .reason = "Retained",
        .message = "the files stay in the trash until the undelete window ends",
        .delay = std::chrono::milliseconds{purge_after - ctx.now}};
  return step_done{.changes = {begin_purge{ctx.job.id}}};
}

step_outcome purge(step_context& ctx) {
  const auto purged = ctx.node.volumes.purge(
      trash_name(ctx.job), ctx.stop,
      [&](const volumes::purge_progress& so_far) {
        ctx.report({.done = so_far.entries,
                    .total = so_far.entries_total,
                    .unit = "entries",
                    .message = std::to_string(so_far.bytes) + " bytes freed"});
      });
  if (!purged)
    return purged.error();
  return step_done{
      .changes = {end_purge{ctx.job.id}},
      .job_result =
          json{{"entries", purged->entries}, {"bytes", purged->bytes}}.dump()};
}

} // namespace

const kind delete_server{
    .name = "server.delete",
    .priority = 1,
    .pivot_at_accept = true,
    .preempts = true,
    .answer_after = "forget_server",
    .read = read,
    .steps = {
        {.name = "announce", .cls = step_class::retriable, .run = announce},
        {.name = "close_sockets",
         .cls = step_class::retriable,
         .run = close_sockets},
        {.name = "cancel_background_work",
         .cls = step_class::retriable,
         .run = cancel_background_work,
         .alone = true},
        {.name = "destroy_container",
         .cls = step_class::retriable,
         .run = destroy_container},
        {.name = "detach_volume",
         .cls = step_class::retriable,
         .run = detach_volume},
        {.name = "forget_server", .cls = step_class::retriable, .run = forget},
        {.name = "retain", .cls = step_class::retriable, .run = retain},
        {.name = "purge",
         .cls = step_class::retriable,
         .run = purge,
         .pool = "purge"},
    }};

} // namespace alula::jobs
