#include "jobs/kinds/claimed_trees.hpp"

#include "jobs/backup.hpp"
#include "jobs/disk_room.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/kinds/trash.hpp"
#include "jobs/log.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace alula::jobs {

namespace {

using fields::json;

constexpr std::size_t most_trees = 1'000;

struct claimed_tree {
  job_id restore;
  std::int64_t bytes = 0;
  bool is_begun = false; ///< to be removed, and maybe gone
};

json told_so_far(const job_record& job, std::string_view step) {
  const auto* found = job.find_step(step);
  return found && !found->output.empty() ? json::parse(found->output)
                                         : json::object();
}

/// A release before this one kept no sizes, and removed all of them in the step
/// `clear_room`, noting none: once that has begun, each may be half gone.
bool is_claim_of_old(const json& claim) {
  return !claim.contains("sizes");
}

std::vector<claimed_tree> claimed_trees(const job_record& job) {
  std::vector<claimed_tree> out;
  const auto claim = told_so_far(job, "make_room");
  for (const auto& each : claim.value("trees", json::array()))
    out.push_back({job_id::parse(each.get<std::string>()).value()});
  if (is_claim_of_old(claim)) {
    const auto* clear = job.find_step("clear_room");
    const bool has_begun = clear && clear->state != step_state::pending;
    for (auto& tree : out)
      tree.is_begun = has_begun;
    return out;
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i].bytes = claim.at("sizes").at(i).get<std::int64_t>();
  for (const auto* step : {"clear_room", "extract"})
    for (const auto& name :
         told_so_far(job, step).value(removed_trees_key, json::array()))
      for (auto& tree : out)
        tree.is_begun = tree.is_begun || tree.restore.view() == name;
  return out;
}

json named(const std::vector<claimed_tree>& trees) {
  auto out = json::array();
  for (const auto& tree : trees)
    if (tree.is_begun)
      out.push_back(tree.restore.view());
  return out;
}

std::string as_output(const std::vector<claimed_tree>& trees) {
  return json{{removed_trees_key, named(trees)}}.dump();
}

/// The job says at once what it costs, however it will end.
step_outcome part_done(const std::vector<claimed_tree>& trees,
                       std::vector<change> changes) {
  const auto told = as_output(trees);
  return step_goes_on{
      .output = told, .changes = std::move(changes), .job_result = told};
}

/// What was begun is brought to its end: half a tree is of no use.
std::optional<step_outcome>
finish_begun(step_context& ctx, const std::vector<claimed_tree>& trees) {
  for (const auto& each : trees) {
    if (!each.is_begun)
      continue;
    const auto tree = ctx.node.records.find_replaced(each.restore);
    if (!tree)
      return tree.error();
    if (!*tree)
      continue;
    const auto purged =
        purge_telling(ctx, (*tree)->name, ctx.stop,
                      "removing what an older restore replaced");
    if (!purged)
      return purged.error();
    return part_done(trees, {forget_replaced{each.restore}});
  }
  return std::nullopt;
}

std::vector<change> let_go(const job_record& job) {
  std::vector<change> out;
  for (const auto& tree : claimed_trees(job))
    out.emplace_back(release_replaced{tree.restore, tree.is_begun});
  return out;
}

} // namespace

step_outcome claim_trees_for_room(step_context& ctx, std::int64_t needs) {
  const step_done none{.output = R"({"trees":[],"sizes":[]})"};
  const auto space = ctx.node.volumes.space();
  if (!space)
    return space.error();
  // Less than none, too: others may have been promised what is to come.
  auto missing = needs - (space->unused - space->kept_free - space->reserved);
  if (missing <= 0)
    return none;
  const auto trees = ctx.node.records.list_due_replaced(
      std::numeric_limits<time_ms>::max(), most_trees);
  if (!trees)
    return trees.error();
  step_done done;
  auto names = json::array();
  auto sizes = json::array();
  for (const auto& tree : *trees) {
    if (missing <= 0)
      break;
    const auto size = ctx.node.volumes.used_in_trash(
        tree.name, ctx.stop,
        telling_walk(ctx, "measuring what older restores replaced"));
    if (!size)
      return size.error();
    missing -= *size;
    names.push_back(tree.replaced_by.view());
    sizes.push_back(*size);
    done.changes.emplace_back(claim_replaced{tree.replaced_by, true});
  }
  if (missing > 0)
    return none;
  done.output = json{{"trees", names}, {"sizes", sizes}}.dump();
  return done;
}

step_outcome let_trees_go(step_context& ctx) {
  ctx.node.volumes.release(ctx.job.id);
  ctx.node.archives.release(ctx.job.id);
  return step_done{.changes = let_go(ctx.job)};
}

std::int64_t room_to_come(const job_record& job) {
  std::int64_t sum = 0;
  for (const auto& tree : claimed_trees(job))
    sum += tree.is_begun ? 0 : tree.bytes;
  return sum;
}

bool has_claimed_trees(const job_record& job) {
  return !claimed_trees(job).empty();
}

std::optional<step_outcome>
remove_trees_until(step_context& ctx, std::string_view at,
                   const std::function<status()>& keep,
                   const std::function<status()>& may) {
  auto trees = claimed_trees(ctx.job);
  if (auto part = finish_begun(ctx, trees))
    return part;
  auto kept = keep();
  if (kept)
    return std::nullopt;
  const auto next = std::ranges::find(trees, false, &claimed_tree::is_begun);
  if (kept.error().code != fault_code::insufficient_storage
      || next == trees.end())
    return without_room(std::move(kept).error());
  if (auto leads = may(); !leads)
    return without_room(std::move(leads).error());
  next->is_begun = true;
  log(log_level::warning, "undo-removed-for-room",
      {{"job", ctx.job.id.view()},
       {"step", at},
       {"restore", next->restore.view()},
       {"bytes", next->bytes}});
  return part_done(trees, {});
}

std::optional<step_outcome> finish_removals(step_context& ctx) {
  return finish_begun(ctx, claimed_trees(ctx.job));
}

json removed_trees(const job_record& job) {
  return named(claimed_trees(job));
}

std::string with_removed_trees(const job_record& job,
                               const std::string& output) {
  auto told = json::parse(output);
  told[removed_trees_key] = removed_trees(job);
  return told.dump();
}

std::vector<change> changes_for_trees(const job_record& ended) {
  return let_go(ended);
}

} // namespace alula::jobs
