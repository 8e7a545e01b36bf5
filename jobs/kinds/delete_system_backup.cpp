// Removes one backup of a system, for good: there is no trash for it.
//
// From the accept on nobody is shown it. The file goes, and with the outcome of
// that the row. A file that is missing is as good as removed.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"
#include "jobs/system_objects.hpp"

namespace alula::jobs {

namespace {

using fields::json;

result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto given = fields::text(*body, "id", 64);
  if (!given)
    return given.error();
  const auto id = canonical_system_backup_id(*given);
  if (!id)
    return fields::wrong("/id", "must be the id of a backup");
  json input{{"id", *id}};
  for (const auto* name : {"system", "organization"}) {
    auto owner = fields::text(*body, name, 255);
    if (!owner)
      return std::move(owner).error();
    input[name] = *std::move(owner);
  }
  job_draft draft;
  draft.input = input.dump();
  draft.dedup_key = "system.backup.delete:" + *id;
  // A retry long after says whose it was: it may have changed hands since.
  draft.changes.emplace_back(begin_system_backup_delete{
      *id, input.at("organization").get<std::string>()});
  return draft;
}

step_outcome remove(step_context& ctx) {
  const auto* systems = ctx.node.systems;
  if (!systems)
    return fault{.code = fault_code::store_not_found,
                 .what = "this node keeps no backups of systems"};
  const auto id = json::parse(ctx.job.input).at("id").get<std::string>();
  const auto known = ctx.node.records.find_system_backup(id);
  if (!known)
    return known.error();
  // Another job's, or none: nothing of it is this one's to remove.
  if (!*known || (*known)->owner_job != ctx.job.id)
    return step_done{};
  if (auto gone = systems->objects.remove(id); !gone)
    return std::move(gone).error();
  return step_done{.changes = {forget_system_backup{id}}};
}

} // namespace

const kind delete_system_backup{.name = "system.backup.delete",
                                .priority = 1,
                                .pivot_at_accept = true,
                                .answer_after = "remove",
                                .read = read,
                                .steps = {
                                    retriable("remove", remove),
                                }};

} // namespace alula::jobs
