#include "jobs/kinds/room_for_restore.hpp"

#include "jobs/backup.hpp"
#include "jobs/full_disk.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/chosen_paths.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/kinds/fetch_for_restore.hpp"
#include "jobs/kinds/trash.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace alula::jobs {

namespace {

using fields::json;

constexpr std::size_t most_trees = 1'000;
constexpr std::int64_t bytes_between_looks = std::int64_t{64} << 20;

/// The entries of a manifest are sorted in memory up to 4 MiB, and packed on
/// their way to the disk (backup/entry_sort.hpp); one has about 150 bytes.
std::int64_t room_for_manifest(std::int64_t files) {
  constexpr std::int64_t sorted_in_memory = 20'000;
  constexpr std::int64_t bytes_each = 256;
  return files <= sorted_in_memory ? 0 : files * bytes_each;
}

/// Of the restores whose trees make_room has claimed.
std::vector<job_id> claimed_trees(const job_record& job) {
  std::vector<job_id> out;
  const auto* step = job.find_step("make_room");
  if (!step || step->output.empty())
    return out;
  const auto made = json::parse(step->output);
  for (const auto& each : made.at("trees"))
    out.push_back(job_id::parse(each.get<std::string>()).value());
  return out;
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

std::int64_t needed_room(std::int64_t bytes) {
  return bytes + bytes / 20;
}

status keep_backup_room(step_context& ctx, std::int64_t download,
                        std::int64_t files) {
  const auto sorting = room_for_manifest(files);
  if (download == 0 && sorting == 0)
    return {};
  auto kept = ctx.node.archives.reserve(ctx.job.id, download + sorting);
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

result<std::int64_t> room_before_download(step_context& ctx, std::int64_t needs,
                                          std::int64_t download) {
  if (download == 0)
    return needs;
  const auto here = ctx.node.archives.space();
  if (!here)
    return here.error();
  const auto there = ctx.node.volumes.space();
  if (!there)
    return there.error();
  const bool is_one_disk = here->device != 0 && here->device == there->device;
  return is_one_disk ? needs + download : needs;
}

status check_quota(const step_context& ctx, std::int64_t bytes) {
  const auto quota = quota_in(ctx);
  if (quota <= 0 || bytes <= quota || !chosen_paths(ctx).empty())
    return {};
  return fault{.code = fault_code::no_room,
               .what = "the backup holds " + readable_size(bytes)
                       + ", and the server may have " + readable_size(quota)};
}

status check_merged_quota(step_context& ctx, const std::string& staged,
                          std::int64_t bytes) {
  const auto quota = quota_in(ctx);
  const auto input = json::parse(ctx.job.input);
  if (quota <= 0 || input.value("truncate_directory", false))
    return {};
  const auto used = ctx.node.volumes.used(ctx.job.server, ctx.stop);
  if (!used)
    return used.error();
  const auto replaced =
      ctx.node.volumes.overlap(staged, ctx.job.server, ctx.stop);
  if (!replaced)
    return replaced.error();
  const auto then = *used - *replaced + bytes;
  if (then <= std::max(quota, *used))
    return {};
  return fault{.code = fault_code::no_room,
               .what = "the server has " + readable_size(*used)
                       + ", of which the restore replaces "
                       + readable_size(*replaced) + " by "
                       + readable_size(bytes) + "; it may have "
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

// -- trees that restores replaced ---------------------------------------------

step_outcome claim_trees_for_room(step_context& ctx, std::int64_t needs) {
  const step_done none{.output = R"({"trees":[]})"};
  const auto space = ctx.node.volumes.space();
  if (!space)
    return space.error();
  auto missing = needs - space->free;
  if (missing <= 0)
    return none;
  const auto trees = ctx.node.records.list_due_replaced(
      std::numeric_limits<time_ms>::max(), most_trees);
  if (!trees)
    return trees.error();
  step_done done;
  auto names = json::array();
  for (const auto& tree : *trees) {
    if (missing <= 0)
      break;
    const auto size = ctx.node.volumes.used_in_trash(tree.name, ctx.stop);
    if (!size)
      return size.error();
    missing -= *size;
    names.push_back(tree.replaced_by.view());
    done.changes.emplace_back(claim_replaced{tree.replaced_by, true});
  }
  if (missing > 0)
    return none;
  done.output = json{{"trees", names}}.dump();
  return done;
}

step_outcome let_trees_go(step_context& ctx) {
  step_done done;
  for (const auto& restore : claimed_trees(ctx.job))
    done.changes.emplace_back(release_replaced{restore});
  return done;
}

step_outcome remove_claimed_trees(step_context& ctx, std::stop_token stop) {
  step_done done;
  for (const auto& restore : claimed_trees(ctx.job)) {
    const auto tree = ctx.node.records.find_replaced(restore);
    if (!tree)
      return tree.error();
    if (!*tree)
      continue;
    const auto purged = purge_telling(
        ctx, (*tree)->name, stop, "removing what an older restore replaced");
    if (!purged)
      return purged.error();
    done.changes.emplace_back(forget_replaced{restore});
  }
  return done;
}

std::vector<change> spoilt_trees(const job_record& ended) {
  const auto* step = ended.find_step("clear_room");
  std::vector<change> out;
  if (step && step->state != step_state::pending)
    for (const auto& restore : claimed_trees(ended))
      out.emplace_back(release_replaced{restore, true});
  return out;
}

json removed_trees(const step_context& ctx) {
  auto out = json::array();
  for (const auto& restore : claimed_trees(ctx.job))
    out.push_back(restore.view());
  return out;
}

// -- room ---------------------------------------------------------------------

room_watch::room_watch(step_context& ctx, std::int64_t needs)
  : ctx_(ctx), needs_(needs), link_(ctx.stop, [this] { own_.request_stop(); }) {
}

status room_watch::begin() {
  return ctx_.node.volumes.reserve(ctx_.job.id, needs_);
}

void room_watch::wrote(std::int64_t bytes) {
  written_ = bytes;
  if (full_ || bytes - looked_at_ < bytes_between_looks)
    return;
  looked_at_ = bytes;
  auto kept = ctx_.node.volumes.reserve(
      ctx_.job.id, std::max<std::int64_t>(0, needs_ - bytes));
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
      "the disk of the volumes ran full after " + std::to_string(written_)
      + " bytes were unpacked"
      + (space ? ", with " + std::to_string(space->free) + " left" : "") + ": "
      + ended.what;
  return ended;
}

} // namespace alula::jobs
