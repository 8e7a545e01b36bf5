#include "jobs/kinds/room_for_restore.hpp"

#include "jobs/backup.hpp"
#include "jobs/full_disk.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/chosen_paths.hpp"
#include "jobs/kinds/claimed_trees.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/kinds/fetch_for_restore.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace alula::jobs {

namespace {

using fields::json;

/// Of the disk, what its files take beside their contents included.
constexpr std::int64_t bytes_between_looks = std::int64_t{64} << 20;
constexpr std::int64_t bytes_beside_a_file = 4'096;

/// The entries of a manifest are sorted in memory up to 4 MiB, and packed on
/// their way to the disk (backup/entry_sort.hpp); one has about 150 bytes.
std::int64_t room_for_manifest(std::int64_t files) {
  constexpr std::int64_t sorted_in_memory = 20'000;
  constexpr std::int64_t bytes_each = 256;
  return files <= sorted_in_memory ? 0 : files * bytes_each;
}

} // namespace

std::int64_t quota_of(const server_record& server) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max() >> 20;
  const auto disk =
      fields::at(server.config, {"settings", "build", "disk_space"});
  if (!disk.is_number_integer() || disk <= 0)
    return 0;
  return (disk > most ? most : disk.get<std::int64_t>()) << 20;
}

std::int64_t quota_in(const step_context& ctx) {
  return json::parse(ctx.job.input).value("quota", std::int64_t{0});
}

room_wanted needed_room(const tree_size& contents) {
  return {.bytes = contents.bytes + contents.bytes / 20
                   + contents.files * bytes_beside_a_file,
          .files = contents.files};
}

status keep_backup_room(step_context& ctx, std::int64_t download,
                        std::int64_t files) {
  const auto sorting = room_for_manifest(files);
  if (download == 0 && sorting == 0) {
    ctx.node.archives.release(ctx.job.id); // it may have come here meanwhile
    return {};
  }
  auto kept =
      ctx.node.archives.reserve(ctx.job.id, {.bytes = download + sorting});
  if (kept || kept.error().code != fault_code::insufficient_storage)
    return kept;
  if (download > 0)
    return without_room(std::move(kept).error());
  const auto disk = ctx.node.archives.space();
  if (!disk)
    return disk.error();
  return disk->unused >= sorting ? status{}
                                 : without_room(std::move(kept).error());
}

namespace {

/// What keep_backup_room() keeps when the archive is fetched.
std::int64_t room_to_download(const outlook& ahead) {
  return ahead.download + room_for_manifest(ahead.files_to_sort());
}

/// Whether what is downloaded takes room from what is unpacked.
result<bool> is_one_disk(step_context& ctx) {
  const auto here = ctx.node.archives.space();
  if (!here)
    return here.error();
  const auto there = ctx.node.volumes.space();
  if (!there)
    return there.error();
  return here->device != 0 && here->device == there->device;
}

/// Keeps all of it before the first tree goes, a download's share on the same
/// disk included: each by the name that will use it, so that none of it is
/// given up in between.
status keep_room_to_come(step_context& ctx, const room_wanted& needs,
                         std::int64_t download) {
  const auto come = room_to_come(ctx.job);
  auto kept = ctx.node.volumes.reserve(
      ctx.job.id, {.bytes = needs.bytes, .files = needs.files, .coming = come});
  if (!kept || download == 0)
    return kept;
  return ctx.node.archives.reserve(
      ctx.job.id,
      {.bytes = download, .coming = come - std::min(come, needs.bytes)});
}

} // namespace

step_outcome claim_room(step_context& ctx, const outlook& ahead) {
  auto needs = needed_room(ahead.written).bytes;
  if (ahead.download > 0) {
    const auto is_shared = is_one_disk(ctx);
    if (!is_shared)
      return is_shared.error();
    needs += *is_shared ? room_to_download(ahead) : 0;
  }
  return claim_trees_for_room(ctx, needs);
}

step_outcome clear_room_for_download(step_context& ctx) {
  if (auto part = finish_removals(ctx))
    return *std::move(part);
  if (!has_claimed_trees(ctx.job))
    return step_done{};
  const auto ahead = look_ahead(ctx);
  if (!ahead)
    return ahead.error();
  const auto is_shared = is_one_disk(ctx);
  if (!is_shared)
    return is_shared.error();
  step_done done{.output = with_removed_trees(ctx.job, "{}")};
  if (ahead->download == 0 || !*is_shared)
    return done;
  const auto download = room_to_download(*ahead);
  const auto needs = needed_room(ahead->written);
  const auto keep = [&]() -> status {
    if (auto kept = keep_room_beside_trees(ctx, needs); !kept)
      return kept;
    return ctx.node.archives.reserve(ctx.job.id, {.bytes = download});
  };
  const auto may = [&]() -> status {
    if (auto there = look_for_far_archive(ctx); !there)
      return there;
    return keep_room_to_come(ctx, needs, download);
  };
  if (auto part = remove_trees_until(ctx, "clear_room", keep, may)) {
    auto* why = std::get_if<fault>(&*part);
    return why ? wait_for_store(ctx, std::move(*why)) : *std::move(part);
  }
  return done;
}

status keep_room_beside_trees(step_context& ctx, const room_wanted& needs) {
  const auto come = room_to_come(ctx.job);
  const auto covered = std::min(come, needs.bytes);
  return ctx.node.volumes.reserve(ctx.job.id, {.bytes = needs.bytes - covered,
                                               .files = needs.files,
                                               .coming = come - covered});
}

std::optional<step_outcome> take_room(step_context& ctx,
                                      const room_wanted& needs) {
  return remove_trees_until(
      ctx, "extract",
      [&] { return ctx.node.volumes.reserve(ctx.job.id, needs); },
      [&] { return keep_room_to_come(ctx, needs, 0); });
}

status check_quota(const step_context& ctx, std::int64_t bytes) {
  const auto quota = quota_in(ctx);
  if (quota <= 0 || bytes <= quota || !chosen_paths(ctx).empty())
    return {};
  return fault{.code = fault_code::no_room,
               .what = "the backup holds " + readable_size(bytes)
                       + ", and the server may have " + readable_size(quota)};
}

status check_merged_quota(step_context& ctx, const std::string& staged) {
  const auto quota = quota_in(ctx);
  const auto input = json::parse(ctx.job.input);
  if (quota <= 0 || input.value("truncate_directory", false))
    return {};
  const auto tell = telling_walk(ctx, "measuring what the server has");
  const auto used = ctx.node.volumes.used(ctx.job.server, ctx.stop, tell);
  if (!used)
    return used.error();
  const auto replaced =
      ctx.node.volumes.overlap(staged, ctx.job.server, ctx.stop, tell);
  if (!replaced)
    return replaced.error();
  const auto added = ctx.node.volumes.used_in_staging(staged, ctx.stop, tell);
  if (!added)
    return added.error();
  const auto then = *used - *replaced + *added;
  if (then <= std::max(quota, *used))
    return {};
  return fault{.code = fault_code::no_room,
               .what = "the server has " + readable_size(*used)
                       + ", of which the restore replaces "
                       + readable_size(*replaced) + " by "
                       + readable_size(*added) + "; it may have "
                       + readable_size(quota)};
}

// -- before anything is read -------------------------------------------------

namespace {

result<outlook> look_at_archive(step_context& ctx) {
  const auto backup = backup_of(ctx.job);
  const auto record = record_of_restore(ctx);
  if (!record)
    return record.error();
  const bool is_far = is_to_be_fetched(ctx, *record);
  const auto file = ctx.node.archives.inspect(backup);
  if (!file)
    return file.error();
  if (!*file && !is_far)
    return fault{.code = fault_code::backup_not_found,
                 .what = "the archive of backup " + backup.to_string()
                         + " is not in the backup directory"};
  const auto input = json::parse(ctx.job.input);
  const auto how = input.value("truncate_directory", false)
                       ? volumes::placing::whole
                       : volumes::placing::merged;
  if (auto free = ctx.node.volumes.check_place(ctx.job.server, how); !free)
    return std::move(free).error();
  if (is_far) {
    const tree_size known{record->facts.files, record->facts.content_bytes};
    if (auto fits = check_quota(ctx, known.bytes); !fits)
      return std::move(fits).error();
    // A store of ours has the manifest beside the archive, and one of a backup
    // that went to the Panel's may lie here.
    return outlook{.content = known,
                   .has_manifest = true,
                   .download = size_to_fetch(ctx, *record)};
  }
  if (!(*file)->has_manifest)
    return outlook{};
  const auto size = ctx.node.archives.content_size(
      backup, ctx.stop, [&](const archive_progress_made& so_far) {
        ctx.report(progress_of(so_far, {}, "counting what is in the archive"));
      });
  if (!size)
    return size.error();
  if (auto fits = check_quota(ctx, size->bytes); !fits)
    return std::move(fits).error();
  return outlook{.content = *size, .has_manifest = true};
}

} // namespace

result<outlook> look_ahead(step_context& ctx) {
  auto ahead = look_at_archive(ctx);
  if (!ahead)
    return ahead;
  if (chosen_paths(ctx).empty()) {
    ahead->written = ahead->content;
    return ahead;
  }
  const auto chosen = size_of_chosen(ctx);
  if (!chosen)
    return chosen.error();
  ahead->written = *chosen;
  return ahead;
}

// -- room ---------------------------------------------------------------------

room_watch::room_watch(step_context& ctx, const room_wanted& needs)
  : ctx_(ctx), needs_(needs), link_(ctx.stop, [this] { own_.request_stop(); }) {
}

status room_watch::begin() {
  return ctx_.node.volumes.reserve(ctx_.job.id, needs_);
}

void room_watch::wrote(const archive_progress_made& so_far) {
  written_ = so_far;
  const auto taken = so_far.bytes + so_far.files * bytes_beside_a_file;
  if (full_ || taken - looked_at_ < bytes_between_looks)
    return;
  looked_at_ = taken;
  auto kept = ctx_.node.volumes.reserve(
      ctx_.job.id,
      {.bytes = std::max<std::int64_t>(0, needs_.bytes - taken),
       .files = std::max<std::int64_t>(0, needs_.files - so_far.files)});
  if (kept)
    return;
  full_ = std::move(kept).error();
  own_.request_stop();
}

fault room_watch::why(fault ended) const {
  if (full_)
    ended = *full_;
  if (ended.code != fault_code::insufficient_storage)
    return ended;
  const auto space = ctx_.node.volumes.space();
  ended.what =
      "the disk of the volumes ran full after " + std::to_string(written_.bytes)
      + " bytes in " + std::to_string(written_.files) + " files were unpacked"
      + (space ? ", with " + std::to_string(space->free) + " left" : "") + ": "
      + ended.what;
  return ended;
}

} // namespace alula::jobs
