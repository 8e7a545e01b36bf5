// Purges what a delete that was given up has left in the trash.
//
// A delete purges its own files; this is for one that an operator abandoned.
// It is accepted by the abandoning itself, by every boot for trash that nobody
// owns, and by a retry of the delete when its server is gone. It runs when the
// undelete window of the files has ended, and until then they can be restored.
//
// The files are named after the delete, so they are found even when it was
// given up between the rename and its commit.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/kinds/trash.hpp"

#include <nlohmann/json.hpp>

namespace alula::jobs {

namespace {

using nlohmann::json;

/// Asked about the delete, or again about a purge of this kind that failed:
/// then its input comes back as the body.
result<job_draft> read(const submission& request) {
  auto subject = request.subject;
  const auto body = json::parse(request.body, nullptr, false);
  if (body.is_object() && body.contains("deleted_by")
      && body["deleted_by"].is_string())
    subject =
        job_id::parse(body["deleted_by"].get<std::string>()).value_or(subject);
  if (subject.empty())
    return fault{.code = fault_code::trash_not_found,
                 .what = "it is not said whose files are to be purged"};
  job_draft draft;
  draft.input = json{{"deleted_by", subject.view()}}.dump();
  draft.dedup_key = "trash.purge:" + subject.to_string();
  draft.changes.emplace_back(adopt_trash{subject});
  return draft;
}

/// From here on the files cannot be restored. What an undelete has moved is not
/// there to purge, and is on the list until it is back.
step_outcome take(step_context& ctx) {
  const auto deletion = deleted_by(ctx.job);
  const auto where = find_deleted(ctx, deletion);
  if (!where)
    return where.error();
  if (*where == deleted_files::taken_out)
    return wait_for_taken_out();
  return step_done{.changes = {begin_purge{deletion}}};
}

step_outcome purge(step_context& ctx) {
  return purge_entry(ctx, deleted_by(ctx.job));
}

} // namespace

const kind purge_trash{.name = "trash.purge",
                       .lane = "purge",
                       .pivot_at_accept = true,
                       .is_apart = true,
                       .finished_by = "trash.purge",
                       .read = read,
                       .steps = {
                           retriable("take", take),
                           retriable("purge", purge, "purge"),
                       }};

} // namespace alula::jobs
