// Brings a deleted server back while its volume still lies in the trash.
//
// The accept claims the trash entry, so the delete that owns it cannot purge
// it meanwhile, and the uuid, so that no new server gets it. The volume is
// renamed back, and in the commit that records it the server lives again: a new
// incarnation with the settings of the old one, suspended as it was before. Its
// container is gone; the next start makes one.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/trash.hpp"
#include "jobs/ports.hpp"

#include <nlohmann/json.hpp>

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

/// The accept has claimed the entry; this step is what a roll-back releases.
step_outcome claim(step_context&) {
  return step_done{};
}

step_outcome restore(step_context& ctx) {
  const auto deletion = deleted_by(ctx.job);
  auto back = ctx.node.volumes.reattach(trash_name(deletion), ctx.job.server);
  if (!back)
    return std::move(back).error();
  return step_done{.changes = {restore_server{deletion}}};
}

} // namespace

const kind undelete_server{.name = "server.undelete",
                           .lane = "trash",
                           .priority = 1,
                           .finished_by = "undelete.settle",
                           .read = read,
                           .steps = {
                               {.name = "claim",
                                .cls = step_class::compensatable,
                                .run = claim,
                                .undo = release_entry},
                               {.name = "restore",
                                .cls = step_class::pivot,
                                .run = restore,
                                .undo = put_back_into_trash},
                           }};

} // namespace alula::jobs
