// Puts the files of a deleted server back into the trash when an undelete that
// had moved them was given up before the server lived again.
//
// Nobody owned them otherwise: the delete purges its entry of the trash, and a
// new server of the same uuid would find them in its place. It is accepted by
// the abandoning itself, by a retry, and by every boot that finds them out of
// the trash. Its accept claims the entry and the
// uuid, as the undelete did; when the uuid lives again meanwhile, or the entry
// is being purged, it is refused. It is apart, because the delete that keeps
// the files is still under way, and takes nothing else beside it.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/kinds/trash.hpp"
#include "jobs/ports.hpp"

namespace alula::jobs {

namespace {

/// Asked about the undelete, or again about a job of this kind: the input of
/// either comes as the body, and is the same.
result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto deletion = fields::id<job_id>(*body, "deleted_by");
  if (!deletion)
    return deletion.error();
  job_draft draft;
  draft.input = fields::json{{"deleted_by", deletion->view()}}.dump();
  draft.dedup_key = "undelete.settle:" + deletion->to_string();
  draft.changes.emplace_back(claim_trash{*deletion});
  return draft;
}

} // namespace

const kind settle_undelete{.name = "undelete.settle",
                           .lane = "trash",
                           .pivot_at_accept = true,
                           .is_apart = true,
                           .finished_by = "undelete.settle",
                           .read = read,
                           .steps = {
                               retriable("put_back", put_back_into_trash),
                               retriable("release", release_entry),
                           }};

} // namespace alula::jobs
