#include "jobs/kinds/trash.hpp"

#include "jobs/kinds/counting.hpp"
#include "jobs/ledger.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace alula::jobs {

using nlohmann::json;

std::string trash_name(const job_id& deleted_by) {
  return deleted_by.to_string();
}

job_id deleted_by(const job_record& job) {
  const auto text = json::parse(job.input).at("deleted_by").get<std::string>();
  return job_id::parse(text).value();
}

step_outcome put_back_into_trash(step_context& ctx) {
  const auto entry = trash_name(deleted_by(ctx.job));
  const auto there = ctx.node.volumes.is_in_trash(entry);
  if (!there)
    return there.error();
  if (*there)
    return step_done{};
  if (const auto moved = ctx.node.volumes.detach(ctx.job.server, entry); !moved)
    return moved.error();
  return step_done{};
}

step_outcome release_entry(step_context& ctx) {
  return step_done{.changes = {release_trash{deleted_by(ctx.job)}}};
}

result<deleted_files> find_deleted(step_context& ctx,
                                   const job_id& deleted_by) {
  const auto there = ctx.node.volumes.is_in_trash(trash_name(deleted_by));
  if (!there)
    return there.error();
  if (*there)
    return deleted_files::in_trash;
  const auto kept = ctx.node.records.list_trash();
  if (!kept)
    return kept.error();
  const auto entry =
      std::ranges::find(*kept, deleted_by, &trash_entry::deleted_by);
  // No undelete takes what is being purged.
  if (entry == kept->end() || entry->state == "purging")
    return deleted_files::gone;
  const auto lives = ctx.node.records.find_server(ctx.job.server);
  if (!lives)
    return lives.error();
  if (*lives)
    return deleted_files::gone;
  const auto out = ctx.node.volumes.exists(ctx.job.server);
  if (!out)
    return out.error();
  return *out ? deleted_files::taken_out : deleted_files::gone;
}

step_waits wait_for_taken_out() {
  return {.reason = "Retained",
          .message = "the files are out of the trash, and no server has them "
                     "yet",
          .delay = std::chrono::minutes{1}};
}

result<volumes::purge_progress> remove_from_trash(step_context& ctx,
                                                  std::string_view step,
                                                  std::string_view entry) {
  const auto reached = ctx.job.find_step(step)->reached;
  const auto counted_on = [reached](volumes::purge_progress p) {
    const auto forgotten = std::max<std::int64_t>(0, reached - p.before);
    p.entries += forgotten;
    p.entries_total += p.entries_total == 0 ? 0 : forgotten;
    return p;
  };
  auto purged = ctx.node.volumes.purge(
      entry, ctx.stop, [&](const volumes::purge_progress& run) {
        const auto so_far = counted_on(run);
        ctx.report(
            progress_of(so_far, std::to_string(so_far.bytes) + " bytes freed"));
      });
  if (!purged)
    return purged;
  return counted_on(*purged);
}

result<volumes::purge_progress> purge_telling(step_context& ctx,
                                              std::string_view entry,
                                              std::stop_token stop,
                                              const std::string& message) {
  return ctx.node.volumes.purge(entry, stop,
                                [&](const volumes::purge_progress& so_far) {
                                  ctx.report(progress_of(so_far, message));
                                });
}

status discard_telling(step_context& ctx, std::string_view staged,
                       std::stop_token stop) {
  return ctx.node.volumes.discard_staging(
      staged, std::move(stop), [&](const volumes::purge_progress& so_far) {
        ctx.report(progress_of(so_far, "removing what was unpacked"));
      });
}

step_outcome purge_entry(step_context& ctx, const job_id& deleted_by) {
  const auto purged = remove_from_trash(ctx, "purge", trash_name(deleted_by));
  if (!purged)
    return purged.error();
  return step_done{
      .changes = {end_purge{deleted_by}},
      .job_result =
          json{{"entries", purged->entries}, {"bytes", purged->bytes}}.dump()};
}

} // namespace alula::jobs
