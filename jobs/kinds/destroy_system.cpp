// Forgets a system, its backups first: nothing of it is left on the disk when
// it is gone from the record.
//
// From the accept on it takes no upload. One that is under way when it comes to
// be stored is refused and undone, so the purge waits for it.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"
#include "jobs/system_objects.hpp"

namespace alula::jobs {

namespace {

using fields::json;

constexpr std::chrono::seconds look_again{1};

result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto system = fields::text(*body, "system", 255);
  if (!system)
    return system.error();
  if (system->empty())
    return fields::wrong("/system", "must name a system");
  auto organization = fields::text(*body, "organization", 255);
  if (!organization)
    return std::move(organization).error();
  job_draft draft;
  draft.input =
      json{{"system", *system}, {"organization", *organization}}.dump();
  draft.dedup_key = "system.destroy:" + *system;
  draft.changes.emplace_back(
      begin_system_destroy{*system, *std::move(organization)});
  return draft;
}

std::string system_of(const job_record& job) {
  return json::parse(job.input).at("system").get<std::string>();
}

step_outcome purge(step_context& ctx) {
  const auto* systems = ctx.node.systems;
  const auto all = ctx.node.records.list_system_backups(system_of(ctx.job));
  if (!all)
    return all.error();
  step_done done;
  for (const auto& one : *all) {
    if (ctx.stop.stop_requested())
      return fault{.code = fault_code::interrupted,
                   .what = "the purge of a system's backups was stopped"};
    if (one.owner_job != ctx.job.id)
      return step_waits{.reason = "BackupsUnderWay",
                        .message = "backup " + one.id
                                   + " is still being made or removed",
                        .delay = look_again};
    if (!systems)
      return fault{.code = fault_code::store_not_found,
                   .what = "this node keeps no backups of systems"};
    if (auto gone = systems->objects.remove(one.id); !gone)
      return std::move(gone).error();
    done.changes.emplace_back(forget_system_backup{one.id});
  }
  done.changes.emplace_back(forget_system{system_of(ctx.job)});
  return done;
}

} // namespace

const kind destroy_system{.name = "system.destroy",
                          .pivot_at_accept = true,
                          .answer_after = "purge",
                          .read = read,
                          .steps = {
                              retriable("purge", purge, "purge"),
                          }};

} // namespace alula::jobs
