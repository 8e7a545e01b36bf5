#include "jobs/kinds/sending_backup.hpp"

#include "jobs/backup.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/reports.hpp"

#include <utility>

namespace alula::jobs {

namespace {

using fields::json;

std::string store_of(const step_context& ctx) {
  return json::parse(ctx.job.input).value("store", std::string{});
}

bool keeps_local(const step_context& ctx) {
  return json::parse(ctx.job.input).value("keep_local", false);
}

/// What an archive of that tree will have at most, and more: a tree grows.
std::int64_t bound_of(const step_context& ctx, std::int64_t files,
                      std::int64_t bytes) {
  return bytes + bytes / 10 + files * 2'048 + ctx.node.far->rules.stream_slack;
}

} // namespace

std::string adapter_of(const step_context& ctx) {
  return json::parse(ctx.job.input).value("adapter", std::string{"wings"});
}

status check_destination(const step_context& ctx) {
  const auto adapter = adapter_of(ctx);
  if (adapter == "s3" && !ctx.node.far)
    return fault{.code = fault_code::not_implemented,
                 .what = "this node sends nothing to a Panel's store"};
  if (adapter == "s3" && !ctx.node.panel.is_configured())
    return fault{.code = fault_code::panel_refused,
                 .what = "without a Panel nobody has links to its store"};
  if (adapter != "store")
    return {};
  const auto store = find_store(ctx, store_of(ctx));
  return store ? status{} : status{store.error()};
}

bool may_stream(const step_context& ctx) {
  if (!ctx.node.far || !ctx.node.far->rules.stream || keeps_local(ctx))
    return false;
  const auto adapter = adapter_of(ctx);
  return adapter == "store"
         || (adapter == "s3" && !ctx.node.far->rules.are_copied);
}

bool was_streamed(const step_context& ctx) {
  const auto* made = ctx.job.find_step("archive");
  return made && !made->output.empty()
         && json::parse(made->output).value("streamed", false);
}

result<std::unique_ptr<archive_stream>> open_stream(step_context& ctx,
                                                    std::int64_t files,
                                                    std::int64_t bytes,
                                                    std::int64_t expected) {
  if (!may_stream(ctx))
    return std::unique_ptr<archive_stream>{};
  const auto uuid = fields::known_id<backup_id>(ctx.job.input, "uuid");
  if (adapter_of(ctx) == "s3")
    return stream_for_panel(ctx, uuid, bound_of(ctx, files, bytes), expected);
  const auto store = find_store(ctx, store_of(ctx));
  if (!store)
    return store.error();
  return stream_to_store(ctx, **store, object_key(ctx.job.server, uuid),
                         bound_of(ctx, files, bytes), expected);
}

namespace {

std::int64_t archive_size(const step_context& ctx) {
  return fields::told_by(ctx.job, "archive").at("size").get<std::int64_t>();
}

/// The etag of the archive, which goes now unless it has left while it was
/// made. Its manifest is beside it.
result<std::string> send_to_store(step_context& ctx, const backup_id& uuid) {
  const auto store = find_store(ctx, store_of(ctx));
  if (!store)
    return store.error();
  const auto key = object_key(ctx.job.server, uuid);
  auto manifest =
      ctx.node.archives.open_part(uuid, ctx.job.id, archive_half::manifest);
  if (!manifest)
    return std::move(manifest).error();
  if (was_streamed(ctx)) {
    if (auto beside = put_manifest(ctx, **store, key, manifest->get()); !beside)
      return std::move(beside).error();
    return fields::told_by(ctx.job, "archive").at("etag").get<std::string>();
  }
  auto archive =
      ctx.node.archives.open_part(uuid, ctx.job.id, archive_half::archive);
  if (!archive)
    return std::move(archive).error();
  auto sent = upload_to_store(ctx, **store, key, archive->get(),
                              archive_size(ctx), manifest->get());
  if (!sent)
    return std::move(sent).error();
  return std::move(sent->etag);
}

status send_to_panels_store(step_context& ctx, const backup_id& uuid) {
  if (was_streamed(ctx))
    return {};
  auto archive =
      ctx.node.archives.open_part(uuid, ctx.job.id, archive_half::archive);
  if (!archive)
    return std::move(archive).error();
  auto sent = upload_for_panel(ctx, uuid, archive->get(), archive_size(ctx));
  return sent ? status{} : status{std::move(sent).error()};
}

} // namespace

step_outcome send_archive(step_context& ctx) {
  const auto uuid = fields::known_id<backup_id>(ctx.job.input, "uuid");
  if (adapter_of(ctx) == "s3") {
    if (auto sent = send_to_panels_store(ctx, uuid); !sent)
      return wait_for_store(ctx, std::move(sent).error());
    return step_done{};
  }
  auto etag = send_to_store(ctx, uuid);
  if (!etag)
    return wait_for_store(ctx, std::move(etag).error());
  return step_done{.output = json{{"etag", *etag}}.dump()};
}

result<std::vector<change>> place_it(const step_context& ctx,
                                     const backup_id& uuid,
                                     const archive_facts& facts) {
  const auto adapter = adapter_of(ctx);
  const bool is_local = !was_streamed(ctx);
  const bool is_scratch = is_local && adapter != "wings" && !keeps_local(ctx);
  std::vector<change> out{
      publish_backup{uuid, facts, is_local, is_scratch, true}};
  if (adapter == "wings") {
    out.emplace_back(reports::backup_is_ready(uuid, facts.sha1, facts.size));
    return out;
  }
  if (adapter == "store") {
    const auto& sent = ctx.job.find_step("upload")->output;
    out.emplace_back(record_place{
        uuid, store_of(ctx), object_key(ctx.job.server, uuid),
        json::parse(sent).at("etag").get<std::string>(), facts.size});
    out.emplace_back(reports::backup_is_ready(uuid, facts.sha1, facts.size));
    return out;
  }
  const auto transfer = ctx.node.records.find_transfer(ctx.job.id);
  if (!transfer)
    return transfer.error();
  if (!*transfer)
    return fault{.code = fault_code::internal,
                 .what = "the parts of the upload are not on record"};
  out.emplace_back(
      record_place{uuid, std::string{panel_place}, "", "", facts.size});
  out.emplace_back(reports::backup_is_ready(uuid, facts.sha1, facts.size,
                                            (*transfer)->parts));
  return out;
}

} // namespace alula::jobs
