// Removes what uploads of systems' backups have left behind: at a start and
// once a day if there is anything, and when one was given up.
//
// A job that is abandoned while its upload is undone or published has not
// removed its files; its row stays on record until they are gone, so this finds
// both names by it. A part whose backup is not on record at all is removed too:
// nobody can finish it. A whole backup without a record is only told of: the
// ledger may be an older copy, and the file all that is left.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/log.hpp"
#include "jobs/ports.hpp"
#include "jobs/system_leavings.hpp"
#include "jobs/system_objects.hpp"

#include <nlohmann/json.hpp>

namespace alula::jobs {

namespace {

using nlohmann::json;

result<job_draft> read(const submission&) {
  return job_draft{.dedup_key = "system.backup.sweep"};
}

step_outcome sweep(step_context& ctx) {
  const auto* systems = ctx.node.systems;
  if (!systems)
    return step_done{};
  auto& records = ctx.node.records;
  const auto uploads = records.list_system_uploads(most_system_uploads);
  if (!uploads)
    return uploads.error();
  step_done done;
  for (const auto& one : *uploads) {
    if (ctx.stop.stop_requested())
      return fault{.code = fault_code::interrupted,
                   .what = "the sweep of systems' backups was stopped"};
    if (!was_given_up(records, one))
      continue;
    if (auto gone = systems->objects.remove(one.id); !gone)
      return std::move(gone).error();
    systems->objects.release(one.owner_job);
    done.changes.emplace_back(forget_system_upload{one.id, one.owner_job});
  }
  const auto swept = systems->objects.sweep(
      [&](std::string_view id) { return is_on_record(records, id); });
  if (!swept)
    return swept.error();
  if (swept->unknown > 0)
    log(log_level::warning, "system-backups-unknown",
        {{"files", swept->unknown}});
  done.job_result = json{
      {"uploads", done.changes.size()},
      {"parts", swept->parts},
      {"unknown",
       swept->unknown}}.dump();
  return done;
}

} // namespace

const kind sweep_system_backups{.name = "system.backup.sweep",
                                .priority = 3,
                                .max_attempts = 3,
                                .read = read,
                                .steps = {
                                    retriable("sweep", sweep),
                                }};

} // namespace alula::jobs
