// Takes in a server that another node sends (wings-protocol 2.18).
//
// The door accepts this job when it has read the head of the request, and gives
// its answer when the mark is reached or the job has ended. The accept takes
// the uuid: the server is registered, in transfer and `creating`, so that
// nothing can be started, and a second sender is told 409.
//
// The Panel is asked what the server is like before a byte of it is read. Then
// the archive goes to an unfinished file on the disk of the backups, hashed on
// its way, and only when it is what the sender says that it has sent it is
// unpacked, into a staging directory, within the limits of a restore and of the
// server's quota. Two renames make that tree the volume; the container is made
// around it; and one commit makes the server active and writes the report to
// the Panel. That commit is the pivot.
//
// Until then the server is where it came from, and everything here can be taken
// back: a failure, a cancel, a sender that goes away. A request cannot be asked
// for again, so after a crash no step before the pivot goes on: it finds nobody
// who waits, and the job is undone. Whatever way it ends, the Panel is told by
// the same commit; when the other node was faster it answers 409, which is as
// good (trap 105), and no file goes or stays because of that.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/incoming_transfers.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/living.hpp"
#include "jobs/kinds/packing.hpp"
#include "jobs/kinds/received_archive.hpp"
#include "jobs/kinds/reports.hpp"
#include "jobs/kinds/room_for_restore.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/kinds/trash.hpp"
#include "jobs/ports.hpp"
#include "jobs/retry.hpp"

namespace alula::jobs {

namespace {

using fields::json;

/// The request is the door's own: what the token says was checked there.
result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto server = fields::id<server_id>(*body, "server");
  if (!server)
    return server.error();
  constexpr std::size_t longest_name = 64;
  const auto name = fields::text(*body, "request", longest_name);
  if (!name)
    return name.error();
  const json config{{"settings", {{"uuid", server->view()}}},
                    {"process_configuration", json::object()}};
  job_draft draft;
  draft.input = json{{"server", server->view()}, {"request", *name}}.dump();
  // No key: a second request has a body of its own and joins nobody.
  draft.changes.emplace_back(register_server{*server, config.dump(), false});
  draft.changes.emplace_back(set_transferring{.transferring = true});
  return draft;
}

std::string request_of(const step_context& ctx) {
  return json::parse(ctx.job.input).at("request").get<std::string>();
}

fault sender_is_gone(const step_context& ctx) {
  return {.code = fault_code::upload_failed,
          .what = "the node that sent server " + ctx.job.server.to_string()
                  + " is not there any more",
          .where = ctx.job.server.to_string()};
}

bool is_sender_there(const step_context& ctx) {
  return ctx.node.incoming && ctx.node.incoming->is_waiting(request_of(ctx));
}

/// A sender waits and nobody can ask for its request again: what is usually
/// tried for hours is final here.
fault final_fault(fault why) {
  if (why.code == fault_code::interrupted
      || classify(why.code) == error_class::permanent)
    return why;
  why.code = why.code == fault_code::insufficient_storage
                 ? fault_code::no_room
                 : fault_code::transfer_failed;
  return why;
}

void tell(const step_context& ctx, std::string_view line) {
  ctx.node.audience.announce(ctx.job.server, "transfer logs",
                             {std::string{line}});
}

/// What lies there is nobody's whom the node knows, so nobody may replace it.
step_outcome begin(step_context& ctx) {
  if (auto gone = ctx.node.volumes.remove_if_empty(ctx.job.server); !gone)
    return final_fault(std::move(gone).error());
  const auto there = ctx.node.volumes.exists(ctx.job.server);
  if (!there)
    return final_fault(there.error());
  if (*there)
    return fault{.code = fault_code::volume_obstructed,
                 .what = "there is a directory with files for server "
                         + ctx.job.server.to_string()
                         + " already, though the node has no such server: "
                           "move it away and transfer again",
                 .where = ctx.job.server.to_string()};
  return step_done{};
}

/// The last of all that is taken back.
step_outcome discard(step_context& ctx) {
  constexpr std::uint16_t going_away = 1001; // RFC 6455, 7.4.1
  ctx.node.audience.announce(ctx.job.server, "transfer status", {"failure"});
  ctx.node.audience.dismiss(ctx.job.server, going_away,
                            "server not transferred", ctx.node.socket_grace);
  if (ctx.node.life)
    ctx.node.life->processes.forget(ctx.job.server);
  return step_done{.changes = {discard_server{}}};
}

step_outcome ask_the_panel(step_context& ctx) {
  if (!ctx.node.panel.is_configured())
    return fault{.code = fault_code::transfer_failed,
                 .what = "this node has no Panel to ask what the server is "
                         "like"};
  auto told = ask_panel(ctx, without_panel::fail);
  if (!told)
    return final_fault(std::move(told).error());
  return step_done{.changes = std::move(told->changes)};
}

// -- the archive --------------------------------------------------------------

step_outcome receive(step_context& ctx) {
  if (!ctx.node.incoming)
    return fault{.code = fault_code::not_implemented,
                 .what = "this node takes in no servers"};
  auto request = ctx.node.incoming->take(request_of(ctx));
  if (!request)
    return sender_is_gone(ctx);
  tell(ctx, "Receiving the archive of the server...");
  const auto received = receive_archive(ctx, *std::move(request));
  ctx.node.archives.release(ctx.job.id);
  if (!received)
    return final_fault(received.error());
  return step_done{
      .output =
          json{{"size", received->size}, {"sha256", received->sha256}}.dump()};
}

step_outcome drop_archive(step_context& ctx) {
  ctx.node.archives.release(ctx.job.id);
  if (auto gone =
          ctx.node.archives.discard(part_of_transfer(ctx.job), ctx.job.id);
      !gone)
    return std::move(gone).error();
  return step_done{};
}

// -- the files ----------------------------------------------------------------

std::string tree_of(const job_record& job) {
  return job.id.to_string();
}

extraction_order order_of(const step_context& ctx, const known_server& server) {
  extraction_order order;
  order.backup = part_of_transfer(ctx.job);
  order.fetched_by = ctx.job.id;
  order.limits.bytes = server.config.disk_bytes();
  order.denied = denied_files(server.record.config);
  return order;
}

/// The sender is looked after meanwhile: nobody needs files that it does not
/// wait for.
result<extraction_made> unpack_into(step_context& ctx,
                                    const known_server& server,
                                    const descriptor& staging,
                                    room_watch& room) {
  std::stop_source gone;
  const std::stop_callback link{room.token(), [&] { gone.request_stop(); }};
  auto made = ctx.node.archives.extract(
      order_of(ctx, server), staging, gone.get_token(),
      [&](const archive_progress_made& so_far) {
        room.wrote(so_far);
        ctx.report(progress_of(so_far, {}, "unpacking"));
        if (!is_sender_there(ctx))
          gone.request_stop();
      });
  if (made)
    return made;
  auto why = room.why(std::move(made).error());
  if (why.code == fault_code::interrupted && !ctx.stop.stop_requested())
    return sender_is_gone(ctx);
  return why;
}

step_outcome unpack(step_context& ctx) {
  if (!is_sender_there(ctx))
    return sender_is_gone(ctx);
  const auto server = server_of(ctx);
  if (!server)
    return final_fault(server.error());
  tell(ctx, "The archive is whole. Unpacking it...");
  const auto received = fields::told_by(ctx.job, "receive");
  // What a crash has left there is in the way of its own room.
  if (auto gone = discard_telling(ctx, tree_of(ctx.job), ctx.stop); !gone)
    return final_fault(std::move(gone).error());
  room_watch room{ctx, {.bytes = received.at("size").get<std::int64_t>()}};
  if (auto kept = room.begin(); !kept)
    return final_fault(std::move(kept).error());
  const auto staging = ctx.node.volumes.stage(tree_of(ctx.job), ctx.stop);
  if (!staging)
    return final_fault(staging.error());
  const auto made = unpack_into(ctx, *server, *staging, room);
  ctx.node.volumes.release(ctx.job.id);
  if (!made)
    return final_fault(made.error());
  return step_done{.output = as_text(*made)};
}

step_outcome drop_files(step_context& ctx) {
  ctx.node.volumes.release(ctx.job.id);
  if (auto gone = discard_telling(ctx, tree_of(ctx.job), {}); !gone)
    return std::move(gone).error();
  return step_done{};
}

step_outcome publish(step_context& ctx) {
  if (!is_sender_there(ctx))
    return sender_is_gone(ctx);
  const auto tree = tree_of(ctx.job);
  const auto placed = ctx.node.volumes.replace(volumes::origin::staging, tree,
                                               ctx.job.server, tree);
  if (!placed)
    return final_fault(placed.error());
  return step_done{};
}

/// Through the trash: the uuid's directory is gone at once, whole or not.
step_outcome withdraw(step_context& ctx) {
  const auto tree = tree_of(ctx.job);
  if (auto moved = ctx.node.volumes.detach(ctx.job.server, tree); !moved)
    return std::move(moved).error();
  const auto purged =
      purge_telling(ctx, tree, {}, "removing what was received");
  if (!purged)
    return purged.error();
  return step_done{};
}

// -- the container and the end ------------------------------------------------

/// With the addresses of the node it comes from, until the Panel has moved it;
/// every start makes a new one (trap 104).
step_outcome make_the_container(step_context& ctx) {
  if (!is_sender_there(ctx))
    return sender_is_gone(ctx);
  if (!ctx.node.life)
    return step_done{};
  const auto server = server_of(ctx);
  if (!server)
    return final_fault(server.error());
  tell(ctx, "Preparing the container of the server...");
  if (auto got = fetch_image(ctx, server->config.image); !got)
    return final_fault(std::move(got).error());
  const auto id = make_container(ctx, *server);
  if (!id)
    return final_fault(id.error());
  return step_done{.output = json{{"container_id", *id}}.dump(),
                   .changes = {set_container{*id}}};
}

step_outcome remove_container(step_context& ctx) {
  if (auto gone = ctx.node.containers.destroy(ctx.job.server.view(), {}); !gone)
    return std::move(gone).error();
  return step_done{};
}

/// Whoever was faster with the Panel, the server is here from now on.
step_outcome activate(step_context& ctx) {
  if (!is_sender_there(ctx))
    return sender_is_gone(ctx);
  auto result = fields::told_by(ctx.job, "unpack");
  const auto received = fields::told_by(ctx.job, "receive");
  result["archive_bytes"] = received.at("size");
  result["sha256"] = received.at("sha256");
  return step_done{
      .changes = {activate_server{}, set_transferring{.transferring = false},
                  reports::transfer_has_ended(ctx.job.server, true)},
      .job_result = result.dump()};
}

/// What was unpacked is the server now; the archive is of no use.
step_outcome clean_up(step_context& ctx) {
  return drop_archive(ctx);
}

step_outcome announce(step_context& ctx) {
  ctx.node.audience.announce(ctx.job.server, "transfer status", {"success"});
  return step_done{};
}

std::vector<change> when_over(const job_record& ended) {
  const auto* moved = ended.find_step("activate");
  if (moved && moved->state == step_state::done)
    return {};
  return {reports::transfer_has_ended(ended.server, false)};
}

} // namespace

const kind receive_server{
    .name = "server.receive",
    .priority = 1,
    .answer_after = "activate",
    .read = read,
    .steps =
        {
            compensatable("begin", begin, discard),
            compensatable("ask_panel", ask_the_panel),
            compensatable("receive", receive, drop_archive, "upload"),
            compensatable("unpack", unpack, drop_files, "restore"),
            compensatable("publish", publish, withdraw, "restore"),
            // Most of it is the pull.
            {.name = "container",
             .cls = step_class::compensatable,
             .run = make_the_container,
             .undo = remove_container,
             .pool = "pull",
             .undo_pool = "power"},
            pivot("activate", activate),
            retriable("clean_up", clean_up),
            retriable("announce", announce),
        },
    .when_over = when_over};

} // namespace alula::jobs
