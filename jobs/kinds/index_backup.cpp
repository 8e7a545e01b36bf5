// Makes the manifest of an archive that another program wrote, so that it can
// be browsed and single files can be fetched. A cancel ends it at once: a whole
// manifest harms nobody, and half of one has no name.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/disk_room.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/reading_backups.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"

namespace alula::jobs {

namespace {

result<job_draft> read(const submission& request) {
  return draft_of_reader(request, "backup.index");
}

/// For the manifest and what is sorted aside for it: how many files there are
/// nobody knows yet, and a manifest has some hundredths of its archive.
std::int64_t room_for_index(std::int64_t archive_size) {
  constexpr std::int64_t least = std::int64_t{1} << 20;
  return least + archive_size / 50;
}

step_outcome index(step_context& ctx) {
  const auto uuid = backup_of(ctx.job);
  const auto file = ctx.node.archives.inspect(uuid);
  if (!file)
    return file.error();
  const auto size = *file ? (*file)->size : 0;
  if (auto kept = ctx.node.archives.reserve(ctx.job.id,
                                            {.bytes = room_for_index(size)});
      !kept)
    return without_room(std::move(kept).error());
  // What is counted are contents: how much is in it the manifest will say.
  auto made = ctx.node.archives.index(
      uuid, ctx.job.server, ctx.job.id, ctx.stop,
      [&](const archive_progress_made& so_far) {
        ctx.report(progress_of(so_far, {}, "reading the archive"));
      });
  ctx.node.archives.release(ctx.job.id);
  if (!made)
    return std::move(made).error();
  auto indexed = ctx.node.archives.inspect(uuid);
  if (!indexed)
    return std::move(indexed).error();
  if (!*indexed)
    return fault{.code = fault_code::backup_not_found,
                 .what = "the archive of backup " + uuid.to_string()
                         + " was removed while it was indexed"};
  // Of the archive as it lies there now, which is perhaps not the one that was
  // seen first: the checksums are of as many bytes as its size says.
  if ((*indexed)->has_manifest)
    return step_done{.changes = {record_found_backup{**std::move(indexed)}}};
  return fault{.code = fault_code::no_manifest,
               .what = "the archive of backup " + uuid.to_string()
                       + " was written to while it was indexed: index it "
                         "again when it is whole"};
}

} // namespace

const kind index_backup{
    .name = "backup.index",
    .lane = "verify",
    .max_attempts = 3,
    .read = read,
    .steps = {compensatable("index", index, nullptr, "verify")}};

} // namespace alula::jobs
