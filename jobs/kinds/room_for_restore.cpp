#include "jobs/kinds/room_for_restore.hpp"

#include "jobs/backup.hpp"
#include "jobs/full_disk.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/kinds/fetch_for_restore.hpp"
#include "jobs/kinds/trash.hpp"
#include "jobs/path_text.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace alula::jobs {

namespace {

using fields::json;

constexpr std::size_t most_paths = 1'000;
constexpr std::size_t most_path_bytes = 4'096; // PATH_MAX
constexpr std::size_t longest_name = 255;      // NAME_MAX
constexpr std::size_t most_trees = 1'000;
constexpr std::int64_t bytes_between_looks = std::int64_t{64} << 20;

/// The entries of a manifest are sorted in memory up to 4 MiB, and packed on
/// their way to the disk (backup/entry_sort.hpp); one has about 150 bytes.
std::int64_t room_for_manifest(std::int64_t files) {
  constexpr std::int64_t sorted_in_memory = 20'000;
  constexpr std::int64_t bytes_each = 256;
  return files <= sorted_in_memory ? 0 : files * bytes_each;
}

/// Behind this a listing goes on with `name`: no name that a file system takes
/// sorts in between.
std::string just_before(std::string name) {
  name.back() = static_cast<char>(static_cast<unsigned char>(name.back()) - 1);
  name.append(longest_name - name.size(), '\xff');
  return name;
}

/// Whether the manifest lists a file, directory or link of that path, spelt as
/// an extraction takes it: with `.` and slashes too many, and no `..`.
result<bool> has_path(archives& in, const backup_id& backup,
                      std::string_view path) {
  std::string directory;
  std::string name;
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".")
      continue;
    if (part == ".." || part.size() > longest_name)
      return false;
    if (!name.empty())
      directory += (directory.empty() ? "" : "/") + name;
    name = part;
  }
  if (name.empty())
    return true; // all of it
  const auto page = in.browse(backup, directory, just_before(name), 1);
  if (!page && page.error().code == fault_code::path_not_found)
    return false;
  if (!page)
    return page.error();
  return !page->items.empty() && page->items.front().name == name;
}

/// A list of paths as a body spells them; `bytes_of` gives what is meant.
template<class BytesOf>
result<json> read_list(const json& body, const std::string& name,
                       const char* wanted, BytesOf bytes_of) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null())
    return json::array();
  // An empty list is more likely a mistake than the wish for everything; what
  // a job has on record is a body, and says null.
  if (!found->is_array() || found->empty() || found->size() > most_paths)
    return fields::wrong('/' + name, "must be a list of 1 to "
                                         + std::to_string(most_paths)
                                         + " paths, or left out");
  for (std::size_t i = 0; i < found->size(); ++i) {
    const auto& text = (*found)[i];
    const auto path = text.is_string()
                          ? bytes_of(text.get_ref<const std::string&>())
                          : std::optional<std::string>{};
    if (!path || path->empty() || path->size() > most_path_bytes
        || path->find('\0') != std::string::npos)
      return fields::wrong('/' + name + '/' + std::to_string(i), wanted);
  }
  return *found;
}

/// Faults are text.
std::string shown(const std::string& path) {
  return is_utf8(path) ? '"' + path + '"'
                       : "path of the bytes " + to_base64(path) + " (base64)";
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

result<json> read_paths(const json& body) {
  return read_list(body, "paths", "must be a path inside the backup",
                   [](const std::string& text) { return std::optional{text}; });
}

result<json> read_paths64(const json& body) {
  return read_list(body, "paths64",
                   "must be the base64 of a path inside the backup",
                   [](const std::string& text) { return from_base64(text); });
}

std::int64_t quota_of(const server_record& server) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max() >> 20;
  const auto disk =
      fields::at(server.config, {"settings", "build", "disk_space"});
  if (!disk.is_number_integer() || disk <= 0)
    return 0;
  return (disk > most ? most : disk.get<std::int64_t>()) << 20;
}

std::vector<std::string> chosen_paths(const step_context& ctx) {
  const auto input = json::parse(ctx.job.input);
  const auto listed = [&](const char* name) {
    const auto found = input.find(name);
    return found == input.end() || found->is_null()
               ? std::vector<std::string>{}
               : found->get<std::vector<std::string>>();
  };
  auto paths = listed("paths");
  for (const auto& text : listed("paths64"))
    paths.push_back(from_base64(text).value()); // read_paths64 has seen it
  return paths;
}

std::int64_t quota_in(const step_context& ctx) {
  return json::parse(ctx.job.input).value("quota", std::int64_t{0});
}

std::int64_t needed_room(const step_context& ctx, std::int64_t bytes) {
  return chosen_paths(ctx).empty() ? bytes + bytes / 20 : 0;
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

result<outlook> look_ahead(step_context& ctx) {
  const auto backup = fields::known_id<backup_id>(ctx.job.input, "backup");
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

result<bool> manifest_has_paths(step_context& ctx) {
  const auto backup = fields::known_id<backup_id>(ctx.job.input, "backup");
  for (const auto& path : chosen_paths(ctx)) {
    if (ctx.stop.stop_requested())
      return fault{.code = fault_code::interrupted, .what = "asked to stop"};
    const auto has = has_path(ctx.node.archives, backup, path);
    if (has && !*has)
      return fault{.code = fault_code::path_not_found,
                   .what = "the backup has no " + shown(path)};
    if (has)
      continue;
    // An archive says by itself what is in it, when it is read.
    using enum fault_code;
    const auto why = has.error().code;
    if (why == no_manifest || why == backup_not_found || why == backup_damaged)
      return false;
    return has.error();
  }
  return true;
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
