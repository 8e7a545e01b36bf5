// Makes a backup of a server: on the node's own disk, in the store of the Panel
// (adapter "s3"), or in a store of ours (adapter "store").
//
// The server runs on. What there is to read is counted and room for it is
// kept, the archive and its manifest are written under names of this job, made
// durable, and get their final names: that is the pivot. From the commit after
// it the backup is ready, and only then does anybody hear of it: that commit
// holds the report for the Panel too. A failure or a cancel before that leaves
// nothing behind, neither a file nor a row, but for the report that it failed.
//
// What goes to a store is sent in parts before it gets its name: from the
// unfinished archive, or, with `system.backups.s3_stream`, while it is made and
// without any file. The local archive of such a backup is scratch: it stays, a
// backup like any other, until a store of ours has put the object together or
// the Panel has taken note (backup.drop_copy).
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/disk_room.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/kinds/far_steps.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/packing.hpp"
#include "jobs/kinds/reports.hpp"
#include "jobs/kinds/sending_backup.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/log.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace alula::jobs {

namespace {

using fields::json;

/// Wings has a limit for .pteroignore only, and of 32 KiB.
constexpr std::size_t most_ignore_bytes = 65'536;

result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto adapter = fields::text(*body, "adapter", 16);
  if (!adapter)
    return adapter.error();
  if (*adapter != "wings" && *adapter != "s3" && *adapter != "store")
    return fields::wrong("/adapter", "must be \"wings\", \"s3\" or \"store\"");
  const auto store = fields::text(*body, "store", 64);
  if (!store)
    return store.error();
  if ((*adapter == "store") == store->empty())
    return fields::wrong("/store", "names a store, with the adapter \"store\" "
                                   "and with no other");
  const auto keep_local = fields::flag(*body, "keep_local", false);
  if (!keep_local)
    return keep_local.error();
  const auto uuid = fields::id<backup_id>(*body, "uuid");
  if (!uuid)
    return uuid.error();
  const auto ignore = fields::text(*body, "ignore", most_ignore_bytes);
  if (!ignore)
    return ignore.error();
  const auto deny = fields::flag(*body, "exclude_denied_files", false);
  if (!deny)
    return deny.error();
  if (!request.target)
    return no_such_server(request);

  job_draft draft;
  draft.input = fields::as_text(
      json{{"adapter", *adapter},
           {"store", *store},
           {"keep_local", *keep_local},
           {"uuid", uuid->view()},
           {"ignore", *ignore},
           {"exclude_denied_files", *deny},
           {"denied", *deny ? denied_files(request.target->config)
                            : std::vector<std::string>{}}});
  draft.dedup_key = "backup.create:" + fields::owned(request, *uuid);
  draft.changes.emplace_back(register_backup{*uuid});
  draft.locks.push_back({"backup:" + uuid->to_string(), true});
  draft.locks.push_back(
      {"server:" + std::to_string(request.target->row), false});
  if (*adapter == "wings")
    draft.skipped = {"upload"};
  return draft;
}

archive_order order_of(const step_context& ctx) {
  const auto input = json::parse(ctx.job.input);
  return {.backup = fields::known_id<backup_id>(ctx.job.input, "uuid"),
          .server = ctx.job.server,
          .job = ctx.job.id,
          .ignore = input.value("ignore", std::string{}),
          .denied = input.value("denied", std::vector<std::string>{}),
          .created_at = ctx.job.created_at};
}

/// What the archive will need, by how well the last one of the server shrank,
/// and what is copied aside while it is made.
result<std::int64_t> expected_size(step_context& ctx, const tree_size& tree) {
  // Headers and entries of the manifest, sorted aside first, and what a block
  // of stored data grows by.
  const auto overhead =
      tree.files * 1024 + tree.bytes / 1000 + (1 << 20) + tree.aside;
  const auto last = ctx.node.records.list_backups(
      {.server = ctx.job.server, .state = backup_state::ready}, 0, 1);
  if (!last)
    return last.error();
  if (last->items.empty() || last->items.front().facts.content_bytes <= 0)
    return tree.bytes + overhead;
  const auto& facts = last->items.front().facts;
  const auto ratio = static_cast<double>(facts.size)
                     / static_cast<double>(facts.content_bytes);
  constexpr double caution = 1.25;
  const auto likely = static_cast<std::int64_t>(
      static_cast<double>(tree.bytes) * std::min(1.0, ratio * caution));
  return likely + overhead;
}

/// Refuses what cannot be sent. Its undo is the last of all, when the row is
/// gone.
step_outcome begin(step_context& ctx) {
  if (auto can = check_destination(ctx); !can)
    return std::move(can).error();
  return step_done{};
}

step_outcome preflight(step_context& ctx) {
  const auto uuid = fields::known_id<backup_id>(ctx.job.input, "uuid");
  // Before the whole server is read. Ours has the name from `publish` on only.
  const auto taken = ctx.node.archives.inspect(uuid);
  if (!taken)
    return taken.error();
  if (*taken)
    return fault{.code = fault_code::backup_exists,
                 .what = "an archive of backup " + uuid.to_string()
                         + " lies in the backup directory already"};
  const auto tree = count_files(ctx, order_of(ctx));
  if (!tree)
    return tree.error();
  const auto needs = expected_size(ctx, *tree);
  if (!needs)
    return needs.error();
  if (!may_stream(ctx))
    if (auto kept = ctx.node.archives.reserve(ctx.job.id, {.bytes = *needs});
        !kept)
      return without_room(std::move(kept).error());
  return step_done{.output = fields::as_text(json{{"files", tree->files},
                                                  {"bytes", tree->bytes},
                                                  {"needs", *needs}})};
}

void announce_result(const step_context& ctx, const json& result) {
  // Stock Wings sends the bare name, stock Panels listen for the other one
  // (wings-protocol 5.6 and trap 88).
  const auto text = result.dump();
  const auto uuid = result.at("uuid").get<std::string>();
  ctx.node.audience.announce(ctx.job.server, "backup completed", {text});
  ctx.node.audience.announce(ctx.job.server, "backup completed:" + uuid,
                             {text});
}

step_outcome give_up(step_context& ctx) {
  const auto uuid = fields::known_id<backup_id>(ctx.job.input, "uuid");
  ctx.node.archives.release(ctx.job.id);
  return step_done{.changes = {discard_backup{uuid}}};
}

/// The last undo of a job that makes nothing: whoever waits hears of it.
step_outcome announce_failure(step_context& ctx) {
  const auto uuid = fields::known_id<backup_id>(ctx.job.input, "uuid");
  announce_result(ctx, {{"uuid", uuid.view()},
                        {"is_successful", false},
                        {"checksum", ""},
                        {"checksum_type", "sha1"},
                        {"file_size", 0}});
  return step_done{};
}

json output_of(const archive_made& made) {
  const auto& f = made.facts;
  return {{"size", f.size},
          {"sha1", f.sha1},
          {"sha256", f.sha256},
          {"content_bytes", f.content_bytes},
          {"files", f.files},
          {"noted", made.noted},
          {"notes", told_notes(made.notes)}};
}

std::string files_told(const archive_progress_made& so_far) {
  return std::to_string(so_far.files) + " files";
}

archive_tell telling(step_context& ctx, const tree_size& whole) {
  return [&ctx, whole](const archive_progress_made& so_far) {
    ctx.report(progress_of(so_far, whole, files_told(so_far)));
  };
}

/// The step, with its files in every report: while an archive is sent as it is
/// made, the threads that send it know only of bytes.
class step_with_files {
public:
  step_with_files(const step_context& of, std::int64_t total)
    : files_(count_of(0, total)),
      ctx_(of.job, of.node, of.stop, of.now, [this, &of](progress p) {
        p.files = newest(p.files);
        of.report(std::move(p));
      }) {}
  step_with_files(const step_with_files&) = delete;
  step_with_files& operator=(const step_with_files&) = delete;

  step_context& ctx() { return ctx_; }

private:
  work_count newest(const std::optional<work_count>& told) {
    const std::lock_guard lock{mutex_};
    if (told)
      files_ = *told;
    return files_;
  }

  std::mutex mutex_;
  work_count files_;
  step_context ctx_;
};

step_outcome send_while_made(step_context& ctx, archive_stream& to,
                             const json& planned) {
  auto volume = ctx.node.volumes.open(ctx.job.server);
  if (!volume)
    return std::move(volume).error();
  auto made = ctx.node.archives.stream(
      *volume, order_of(ctx),
      [&to](std::string_view piece) { return to.write(piece); }, ctx.stop,
      [&](const archive_progress_made& so_far) {
        ctx.report({.done = to.sent(),
                    .total = std::max(planned.at("needs").get<std::int64_t>(),
                                      to.sent()),
                    .unit = "bytes",
                    .files = count_of(so_far.files, size_in(planned).files),
                    .message = files_told(so_far)});
      });
  if (!made)
    return wait_for_store(ctx, without_room(std::move(made).error()));
  auto sent = to.finish();
  if (!sent)
    return wait_for_store(ctx, std::move(sent).error());
  auto output = output_of(*made);
  output["streamed"] = true;
  output["etag"] = sent->etag;
  return step_done{.output = fields::as_text(output)};
}

step_outcome archive(step_context& ctx) {
  const auto planned = fields::told_by(ctx.job, "preflight");
  const auto size = size_in(planned);
  step_with_files counting{ctx, size.files}; // outlives the stream
  auto stream = open_stream(counting.ctx(), size.files, size.bytes,
                            planned.at("needs").get<std::int64_t>());
  if (!stream)
    return wait_for_store(ctx, std::move(stream).error());
  if (*stream) {
    auto sent = send_while_made(counting.ctx(), **stream, planned);
    if (std::holds_alternative<step_done>(sent) || ctx.stop.stop_requested()
        || !(*stream)->is_too_slow())
      return sent;
    log(log_level::warning, "stream-outlasted",
        {{"job", ctx.job.id.view()},
         {"effect", "the archive goes by way of the disk"}});
    stream->reset();
  }
  // After a restart nothing is kept for this job any more.
  if (auto kept = ctx.node.archives.reserve(
          ctx.job.id, {.bytes = planned.at("needs").get<std::int64_t>()});
      !kept)
    return without_room(std::move(kept).error());
  auto volume = ctx.node.volumes.open(ctx.job.server);
  if (!volume)
    return std::move(volume).error();
  auto made = ctx.node.archives.write(*volume, order_of(ctx), ctx.stop,
                                      telling(ctx, size));
  if (!made)
    return without_room(std::move(made).error());
  return step_done{.output = fields::as_text(output_of(*made))};
}

step_outcome discard(step_context& ctx) {
  const auto uuid = fields::known_id<backup_id>(ctx.job.input, "uuid");
  if (auto gone = ctx.node.archives.discard(uuid, ctx.job.id); !gone)
    return std::move(gone).error();
  return take_back_upload(ctx);
}

step_outcome publish(step_context& ctx) {
  const auto uuid = fields::known_id<backup_id>(ctx.job.input, "uuid");
  if (was_streamed(ctx)) { // only the manifest is here
    if (auto named = ctx.node.archives.adopt(uuid, ctx.job.id); !named)
      return std::move(named).error();
    return step_done{};
  }
  if (auto named = ctx.node.archives.publish(uuid, ctx.job.id); !named)
    return std::move(named).error();
  return step_done{};
}

/// The names may be there although `publish` failed. An archive of the name
/// that is not the one this job has written is somebody else's.
step_outcome withdraw(step_context& ctx) {
  const auto uuid = fields::known_id<backup_id>(ctx.job.input, "uuid");
  const auto made = fields::told_by(ctx.job, "archive");
  const auto there = ctx.node.archives.inspect(uuid);
  if (!there)
    return there.error();
  const bool ours =
      was_streamed(ctx)
      || (*there && (*there)->facts && (*there)->server == ctx.job.server
          && (*there)->facts->sha256 == made.at("sha256"));
  if (ours)
    if (auto removed = ctx.node.archives.remove(uuid); !removed)
      return std::move(removed).error();
  return step_done{};
}

step_outcome ready(step_context& ctx) {
  const auto made = fields::told_by(ctx.job, "archive");
  const auto uuid = fields::known_id<backup_id>(ctx.job.input, "uuid");
  ctx.node.archives.release(ctx.job.id);
  auto result = made;
  result["uuid"] = uuid.view();
  const archive_facts facts{.size = made.at("size").get<std::int64_t>(),
                            .sha1 = made.at("sha1").get<std::string>(),
                            .sha256 = made.at("sha256").get<std::string>(),
                            .content_bytes =
                                made.at("content_bytes").get<std::int64_t>(),
                            .files = made.at("files").get<std::int64_t>()};
  auto placed = place_it(ctx, uuid, facts);
  if (!placed)
    return std::move(placed).error();
  return step_done{.changes = *std::move(placed),
                   .job_result = fields::as_text(result)};
}

/// A backup that is ready stays ready, and the Panel was told so.
std::vector<change> when_over(const job_record& ended) {
  const auto* made = ended.find_step("ready");
  if (made && made->state == step_state::done)
    return {};
  return {reports::backup_has_failed(
      fields::known_id<backup_id>(ended.input, "uuid"))};
}

step_outcome announce(step_context& ctx) {
  const auto made = fields::told_by(ctx.job, "archive");
  const auto uuid = fields::known_id<backup_id>(ctx.job.input, "uuid");
  announce_result(ctx, {{"uuid", uuid.view()},
                        {"is_successful", true},
                        {"checksum", made.at("sha1")},
                        {"checksum_type", "sha1"},
                        {"file_size", made.at("size")}});
  return step_done{};
}

} // namespace

const kind create_backup{
    .name = "backup.create",
    .plan_version = 2,
    .lane = "backup",
    .max_attempts = 3, // each reads the whole server again
    .read = read,
    .steps =
        {
            compensatable("begin", begin, announce_failure),
            compensatable("preflight", preflight, give_up, "backup"),
            compensatable("archive", archive, discard, "backup"),
            compensatable("upload", send_archive, nullptr, "transfer"),
            pivot("publish", publish, withdraw),
            retriable("ready", ready),
            retriable("announce", announce),
        },
    .when_over = when_over,
    .tells_when_unbegun = true};

} // namespace alula::jobs
