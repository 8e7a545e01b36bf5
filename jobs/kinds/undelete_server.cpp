// Brings a deleted server back while its volume still lies in the trash.
//
// The accept claims the trash entry, so the delete that owns it cannot purge
// it meanwhile. The volume is renamed back, and in the commit that records it
// the server lives again: a new incarnation with the settings of the old one,
// suspended as it was before. Its container is gone; the next start makes one.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/ports.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace alula::jobs {

namespace {

using nlohmann::json;

result<job_draft> read(const submission& request) {
  job_draft draft;
  draft.input = json{{"deleted_by", request.subject.view()}}.dump();
  draft.dedup_key = "server.undelete:" + request.subject.to_string();
  draft.changes.emplace_back(claim_trash{request.subject});
  return draft;
}

job_id deleted_by(const job_record& job) {
  const auto text = json::parse(job.input).at("deleted_by").get<std::string>();
  return job_id::parse(text).value();
}

/// The accept has claimed the entry; this step is what a roll-back releases.
step_outcome claim(step_context&) {
  return step_done{};
}

step_outcome release(step_context& ctx) {
  return step_done{.changes = {release_trash{deleted_by(ctx.job)}}};
}

step_outcome restore(step_context& ctx) {
  const auto deletion = deleted_by(ctx.job);
  auto back = ctx.node.volumes.reattach(deletion.view(), ctx.job.server);
  if (!back)
    return std::move(back).error();
  return step_done{.changes = {restore_server{deletion}}};
}

/// While the entry lies in the trash nothing was moved, and a volume that is
/// in the way belongs to somebody else.
step_outcome put_back(step_context& ctx) {
  const auto entry = deleted_by(ctx.job).to_string();
  const auto entries = ctx.node.volumes.trash_entries();
  if (!entries)
    return entries.error();
  if (std::ranges::find(*entries, entry) != entries->end())
    return step_done{};
  const auto moved = ctx.node.volumes.detach(ctx.job.server, entry);
  if (!moved)
    return moved.error();
  return step_done{};
}

} // namespace

const kind undelete_server{.name = "server.undelete",
                           .lane = "trash",
                           .priority = 1,
                           .read = read,
                           .steps = {
                               {.name = "claim",
                                .cls = step_class::compensatable,
                                .run = claim,
                                .undo = release},
                               {.name = "restore",
                                .cls = step_class::pivot,
                                .run = restore,
                                .undo = put_back},
                           }};

} // namespace alula::jobs
