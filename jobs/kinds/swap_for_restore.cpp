#include "jobs/kinds/swap_for_restore.hpp"

#include "jobs/backup.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <utility>

namespace alula::jobs {

namespace {

using fields::json;

/// What a person needs to know of a merge, while it can be taken back; nothing
/// when it cannot be read: it is done all the same.
result<json> merge_told(step_context& ctx, const std::string& entry) {
  const auto kept = ctx.node.volumes.account_of_merge(
      entry, ctx.stop, [&](const volumes::merge_account& so_far) {
        ctx.report({.done = so_far.replaced,
                    .unit = "files",
                    .message = "counting what was replaced"});
      });
  if (!kept && kept.error().code == fault_code::interrupted)
    return kept.error();
  if (!kept)
    return json();
  return json{{"replaced_files", kept->replaced},
              {"replaced_bytes", kept->bytes},
              {"added_names", kept->added},
              {"replaced_paths", kept->paths}};
}

step_outcome merge(step_context& ctx, const std::string& name) {
  const auto made = fields::told_by(ctx.job, "extract");
  const auto moved = ctx.node.volumes.merge(
      volumes::origin::staging, name, ctx.job.server, name, ctx.stop,
      [&](std::int64_t so_far) {
        const auto total = made.at("files").get<std::int64_t>();
        ctx.report({.done = so_far,
                    .total = std::max(total, so_far),
                    .unit = "entries",
                    .message = "putting them between the server's files"});
      });
  if (!moved)
    return moved.error();
  auto told = merge_told(ctx, name);
  if (!told)
    return std::move(told).error();
  json output = json::object();
  if (told->is_object())
    output["merge"] = *std::move(told);
  const auto kept = ctx.node.volumes.is_in_trash(name);
  if (!kept)
    return kept.error();
  step_done done;
  if (*kept) {
    const auto keep_until = ctx.now + ctx.node.restore_undo_window.count();
    output["undo_until"] = keep_until;
    done.changes.emplace_back(keep_replaced{name, true, keep_until});
  }
  done.output = fields::as_text(output);
  return done;
}

bool is_whole(const step_context& ctx) {
  return json::parse(ctx.job.input).value("truncate_directory", false);
}

std::string counted(std::int64_t number, const char* one, const char* many) {
  return std::to_string(number) + ' ' + (number == 1 ? one : many);
}

} // namespace

std::string tree_of_restore(const step_context& ctx) {
  return ctx.job.id.to_string();
}

step_outcome swap_trees(step_context& ctx) {
  const auto name = tree_of_restore(ctx);
  if (!is_whole(ctx))
    return merge(ctx, name);
  const auto kept = ctx.node.volumes.replace(volumes::origin::staging, name,
                                             ctx.job.server, name);
  if (!kept)
    return kept.error();
  if (!*kept)
    return step_done{};
  const auto keep_until = ctx.now + ctx.node.restore_undo_window.count();
  return step_done{.output = json{{"undo_until", keep_until}}.dump(),
                   .changes = {keep_replaced{name, false, keep_until}}};
}

json told_by_swap(const step_context& ctx) {
  const auto& output = ctx.job.find_step("swap")->output;
  return output.empty() ? json::object() : json::parse(output);
}

std::string merge_message(const step_context& ctx) {
  const auto told = told_by_swap(ctx).value("merge", json());
  if (!told.is_object())
    return {};
  return "The backup was put between the server's files: "
         + counted(told.at("replaced_files"), "file was", "files were")
         + " replaced, "
         + counted(told.at("added_names"), "name is", "names are")
         + " new. Everything else is as it was.";
}

} // namespace alula::jobs
