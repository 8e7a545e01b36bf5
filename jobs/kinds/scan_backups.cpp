// Compares the backup directory with the ledger, at every start and once a day.
//
// Archives that the ledger does not know (of stock Wings, or from before the
// ledger was lost) are taken on record, archives that are gone are marked as
// lost, manifests that came or went and archives that were still being written
// are noticed, and what dead jobs left unfinished, here and beside the volumes,
// is removed, as are manifests that no archive and no record belongs to. No
// archive is ever deleted by this.
//
// One bad file ends no scan: the result counts the archives that could not be
// looked at, and names what could not be removed.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace alula::jobs {

namespace {

using fields::json;

constexpr std::size_t page_size = 1'000;

result<job_draft> read(const submission&) {
  return job_draft{.dedup_key = "backup.scan"};
}

/// A job is in the ledger before it leaves anything on a disk.
is_live_job live_in(queries& records) {
  return [&records](const job_id& id) {
    const auto job = records.find_job(id);
    return !job || (*job && !(*job)->is_done()); // not known: not touched
  };
}

/// So that one that is lost has its manifest when it is found again.
is_known_backup known_to(queries& records) {
  return [&records](const backup_id& id) {
    const auto backup = records.find_backup(id);
    return !backup || backup->has_value(); // not known: not touched
  };
}

/// What cannot be removed, today or ever, keeps nobody from looking at the
/// archives.
step_outcome sweep(step_context& ctx) {
  const auto is_live = live_in(ctx.node.records);
  auto stays = json::array();
  for (const auto& swept :
       {ctx.node.archives.sweep(is_live, known_to(ctx.node.records)),
        ctx.node.volumes.sweep_staging(is_live, ctx.stop)}) {
    if (swept)
      continue;
    const auto& why = swept.error();
    if (why.code == fault_code::interrupted)
      return why;
    stays.push_back(why.where.empty() ? why.what : why.where + ": " + why.what);
  }
  return step_done{.output = fields::as_text(json{{"stays", stays}})};
}

/// An older release has said nothing, and not gone on.
json not_removed(const job_record& job) {
  const auto& told = job.find_step("sweep")->output;
  return told.empty() ? json::array() : json::parse(told).at("stays");
}

result<std::map<backup_id, backup_record>> all_records(queries& records) {
  std::map<backup_id, backup_record> known;
  for (std::int64_t before = 0;;) {
    auto page = records.list_backups({}, before, page_size);
    if (!page)
      return std::move(page).error();
    for (auto& record : page->items)
      known.emplace(record.uuid, std::move(record));
    before = page->next_before;
    if (before == 0)
      return known;
  }
}

struct comparison {
  std::map<backup_id, backup_record> known; ///< less what was found
  std::set<backup_id> unreadable;
  step_done done;
  std::int64_t found = 0;
  std::int64_t lost = 0;
};

void take_found(comparison& to, archive_file file) {
  const auto record = to.known.find(file.backup);
  const bool is_new = record == to.known.end();
  const bool was_lost =
      is_new || record->second.lost_at != 0 || !record->second.is_local;
  if (was_lost || record->second.has_manifest != file.has_manifest
      || is_outdated_by(record->second, file))
    to.done.changes.emplace_back(record_found_backup{std::move(file)});
  to.found += was_lost ? 1 : 0;
  if (!is_new)
    to.known.erase(record);
}

void look_for(step_context& ctx, comparison& to, const backup_record& record) {
  const auto& uuid = record.uuid;
  const bool lies_elsewhere = !record.places.empty();
  if (record.state != backup_state::ready)
    return;
  // Rotations of older releases said that of what the Panel's store has.
  if (!record.is_local && record.lost_at != 0 && lies_elsewhere)
    to.done.changes.emplace_back(set_local{uuid, false, false});
  // One that was lost may have a copy elsewhere since.
  if (!record.is_local || (record.lost_at != 0 && !lies_elsewhere))
    return;
  if (to.unreadable.contains(uuid))
    return;
  const auto again = ctx.node.archives.inspect(uuid);
  if (!again) { // that does not make it lost
    to.unreadable.insert(uuid);
  } else if (!*again && lies_elsewhere) {
    to.done.changes.emplace_back(set_local{uuid, false, false});
  } else if (!*again) {
    to.done.changes.emplace_back(record_lost_backup{uuid});
    ++to.lost;
  }
}

step_outcome compare(step_context& ctx) {
  // The directory after the ledger: what is published meanwhile is in both.
  auto known = all_records(ctx.node.records);
  if (!known)
    return std::move(known).error();
  auto listed = ctx.node.archives.list();
  if (!listed)
    return std::move(listed).error();
  comparison seen;
  seen.known = *std::move(known);
  seen.unreadable.insert(listed->unreadable.begin(), listed->unreadable.end());
  // What is recorded last is listed first.
  std::ranges::stable_sort(listed->files, {}, &archive_file::modified_at);
  for (auto& file : listed->files)
    take_found(seen, std::move(file));
  for (const auto& [uuid, record] : seen.known)
    look_for(ctx, seen, record);
  seen.done.job_result =
      fields::as_text(json{{"found", seen.found},
                           {"lost", seen.lost},
                           {"unreadable", seen.unreadable.size()},
                           {"not_removed", not_removed(ctx.job)}});
  return std::move(seen.done);
}

} // namespace

const kind scan_backups{.name = "backup.scan",
                        .priority = 3,
                        .read = read,
                        .steps = {
                            compensatable("sweep", sweep, nullptr, "verify"),
                            pivot("compare", compare, nullptr, "verify"),
                        }};

} // namespace alula::jobs
