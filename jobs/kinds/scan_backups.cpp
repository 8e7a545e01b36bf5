// Compares the backup directory with the ledger, at every start and once a day.
//
// Archives that the ledger does not know (of stock Wings, or from before the
// ledger was lost) are taken on record, archives that are gone are marked as
// lost, manifests that came or went and archives that were still being written
// are noticed, and what dead jobs left unfinished, here and beside the volumes,
// is removed, as are manifests that no archive and no record belongs to. No
// archive is ever deleted by this.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <map>
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

step_outcome sweep(step_context& ctx) {
  const auto is_live = live_in(ctx.node.records);
  if (auto swept = ctx.node.archives.sweep(is_live, known_to(ctx.node.records));
      !swept)
    return std::move(swept).error();
  if (auto swept = ctx.node.volumes.sweep_staging(is_live, ctx.stop); !swept)
    return std::move(swept).error();
  return step_done{};
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

step_outcome compare(step_context& ctx) {
  // The directory after the ledger: what is published meanwhile is in both.
  auto known = all_records(ctx.node.records);
  if (!known)
    return std::move(known).error();
  auto files = ctx.node.archives.list();
  if (!files)
    return std::move(files).error();
  // What is recorded last is listed first.
  std::ranges::stable_sort(*files, {}, &archive_file::modified_at);
  step_done done;
  std::int64_t found = 0, lost = 0;
  for (auto& file : *files) {
    const auto record = known->find(file.backup);
    const bool is_new = record == known->end();
    const bool was_lost =
        is_new || record->second.lost_at != 0 || !record->second.is_local;
    if (was_lost || record->second.has_manifest != file.has_manifest
        || is_outdated_by(record->second, file))
      done.changes.emplace_back(record_found_backup{std::move(file)});
    found += was_lost ? 1 : 0;
    if (!is_new)
      known->erase(record);
  }
  for (const auto& [uuid, record] : *known) {
    const bool lies_elsewhere = !record.places.empty();
    if (record.state != backup_state::ready)
      continue;
    // Rotations of older releases said that of what the Panel's store has.
    if (!record.is_local && record.lost_at != 0 && lies_elsewhere)
      done.changes.emplace_back(set_local{uuid, false, false});
    // One that was lost may have a copy elsewhere since.
    if (!record.is_local || (record.lost_at != 0 && !lies_elsewhere))
      continue;
    const auto again = ctx.node.archives.inspect(uuid);
    if (!again) // as the log says; that does not make it lost
      continue;
    if (!*again && lies_elsewhere)
      done.changes.emplace_back(set_local{uuid, false, false});
    else if (!*again) {
      done.changes.emplace_back(record_lost_backup{uuid});
      ++lost;
    }
  }
  done.job_result = json{{"found", found}, {"lost", lost}}.dump();
  return done;
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
