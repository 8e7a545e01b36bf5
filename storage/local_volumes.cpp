#include "storage/local_volumes.hpp"

#include "jobs/measures.hpp"
#include "storage/file_system.hpp"
#include "storage/io_priority.hpp"
#include "storage/purge_tally.hpp"
#include "storage/store_mark.hpp"
#include "storage/tree_removal.hpp"
#include "storage/volume_places.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>
#include <utility>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::server_id;
using jobs::status;

namespace {

fault not_together(const directory& volumes, const directory& other,
                   std::string why) {
  return {.code = fault_code::io_error,
          .what = "The directories " + volumes.path.string() + " and "
                  + other.path.string() + " " + std::move(why)
                  + " A deleted server's files are renamed from the volumes "
                    "to the trash, a restored server's from the staging "
                    "directory to the volumes; put all of them beside each "
                    "other.",
          .where = other.path.string()};
}

bool is_inside(const std::filesystem::path& inner,
               const std::filesystem::path& outer) {
  const auto relative = inner.lexically_relative(outer);
  return !relative.empty() && *relative.begin() != "..";
}

/// The trash and the staging directory may lie among the volumes, nothing else
/// inside another.
status check_layout(const directory& volumes, const directory& trash,
                    const directory& staging) {
  for (const auto* other : {&trash, &staging}) {
    if (!volumes.identity.is_same_place(other->identity))
      return not_together(volumes, *other,
                          "are on different file systems or mounts.");
    if (volumes.identity == other->identity)
      return not_together(volumes, *other, "are the same directory.");
    if (is_inside(volumes.path, other->path))
      return not_together(volumes, *other, "are one inside the other.");
  }
  if (trash.identity == staging.identity)
    return not_together(trash, staging, "are the same directory.");
  if (is_inside(trash.path, staging.path)
      || is_inside(staging.path, trash.path))
    return not_together(trash, staging, "are one inside the other.");
  return {};
}

} // namespace

local_volumes::local_volumes(std::unique_ptr<places> held)
  : places_(std::move(held)) {}

local_volumes::~local_volumes() = default;

result<std::unique_ptr<local_volumes>>
local_volumes::open(volume_settings settings) {
  auto volumes =
      open_root(settings.volumes, ownership{settings.uid, settings.gid, 0755});
  if (!volumes)
    return std::move(volumes).error();
  auto trash =
      open_root(settings.trash, ownership{::geteuid(), ::getegid(), 0700});
  if (!trash)
    return std::move(trash).error();
  auto staging =
      open_root(settings.staging, ownership{::geteuid(), ::getegid(), 0700});
  if (!staging)
    return std::move(staging).error();
  if (auto fit = check_layout(*volumes, *trash, *staging); !fit)
    return std::move(fit).error();
  auto held =
      std::make_unique<places>(places{std::move(*volumes),
                                      std::move(*trash),
                                      std::move(*staging),
                                      {settings.uid, settings.gid, 0755},
                                      std::move(settings.room)});
  if (!held->room)
    held->room = std::make_shared<jobs::disk_room>();
  return std::unique_ptr<local_volumes>{new local_volumes{std::move(held)}};
}

result<bool> local_volumes::create(const server_id& server) {
  const auto name = server.to_string();
  if (auto ours = refuse_stranger(places_->volumes, name); !ours)
    return std::move(ours).error();
  return make_directory(places_->volumes, name, places_->server_user);
}

status local_volumes::remove_if_empty(const server_id& server) {
  if (auto removed =
          storage::remove_if_empty(places_->volumes, server.to_string());
      !removed)
    return removed;
  return sync_directory(places_->volumes);
}

result<bool> local_volumes::exists(const server_id& server) {
  return is_taken(places_->volumes, server.to_string());
}

result<bool> local_volumes::detach(const server_id& server,
                                   std::string_view entry) {
  if (!is_plain_name(entry))
    return bad_entry(entry);
  const auto& live = places_->volumes;
  const auto& trash = places_->trash;
  const auto volume = server.to_string();
  const std::string name{entry};
  if (auto whole = refuse_obstacle(live, volume); !whole)
    return std::move(whole).error();
  auto cleared = clear_place(live, volume, trash, name);
  if (!cleared)
    return std::move(cleared).error();
  // Also when an earlier run moved it: it may have died before its syncs.
  if (auto synced = places_->sync_move(live, trash); !synced)
    return std::move(synced).error();
  if (*cleared == rename_outcome::source_missing)
    return is_taken(trash, name);
  return true;
}

status local_volumes::reattach(std::string_view entry,
                               const server_id& server) {
  if (!is_plain_name(entry))
    return bad_entry(entry);
  const auto& live = places_->volumes;
  const auto& trash = places_->trash;
  const auto volume = server.to_string();
  const std::string name{entry};
  auto moved = rename_new(trash, name, live, volume);
  if (!moved)
    return std::move(moved).error();
  if (*moved == rename_outcome::target_exists)
    return fault{fault_code::server_exists,
                 "A volume is in the way of the one in the trash.",
                 live.path_of(volume)};
  if (*moved == rename_outcome::source_missing) {
    auto is_back = is_taken(live, volume);
    if (!is_back)
      return std::move(is_back).error();
    if (!*is_back)
      return fault{fault_code::trash_not_found,
                   "The volume is neither in the trash nor in its place.",
                   trash.path_of(name)};
  }
  return places_->sync_move(trash, live);
}

result<jobs::volumes::purge_progress>
local_volumes::purge(std::string_view entry, std::stop_token stop,
                     const std::function<void(const purge_progress&)>& tell) {
  if (!is_plain_name(entry))
    return bad_entry(entry);
  const low_io_priority gentle;
  const std::string name{entry};
  purge_tally tally{places_->trash, name};
  const auto whole = [&before = tally.before()](purge_progress run) {
    run.before = before.entries;
    run.entries += before.entries;
    run.bytes += before.bytes;
    run.entries_total += run.entries_total == 0 ? 0 : before.entries;
    return run;
  };
  purge_progress told;
  const auto count = [&](const purge_progress& run) {
    const auto so_far = whole(run);
    // Before anybody hears of it: what was told is not forgotten by a kill.
    if (run.entries > 0 && run.entries != run.entries_total)
      tally.keep({so_far.entries, so_far.bytes});
    jobs::observe(jobs::measure::purged_entries,
                  static_cast<double>(run.entries - told.entries));
    jobs::observe(jobs::measure::purged_bytes,
                  static_cast<double>(run.bytes - told.bytes));
    told = run;
    if (tell)
      tell(so_far);
  };
  auto removed = remove_tree(places_->trash, name, stop, count);
  if (!removed)
    return removed;
  for (const auto& beside : {list_beside(name), tally_beside(name)})
    if (::unlinkat(places_->trash.fd.get(), beside.c_str(), 0) != 0
        && errno != ENOENT)
      return jobs::system_fault(errno, "unlink",
                                places_->trash.path_of(beside));
  // Also when nothing was there: an earlier run may have died before this.
  if (auto synced = sync_directory(places_->trash); !synced)
    return std::move(synced).error();
  return whole(*removed);
}

result<bool> local_volumes::is_in_trash(std::string_view entry) {
  if (!is_plain_name(entry))
    return bad_entry(entry);
  return is_taken(places_->trash, std::string{entry});
}

result<std::vector<std::string>> local_volumes::trash_entries() {
  auto names = list_names(places_->trash);
  if (!names)
    return names;
  std::ranges::sort(*names);
  const auto is_beside = [all = *names](const std::string& name) {
    const auto dot = name.rfind('.');
    const auto entry = name.substr(0, dot);
    return dot != std::string::npos
           && (list_beside(entry) == name || tally_beside(entry) == name)
           && std::ranges::binary_search(all, entry);
  };
  std::erase_if(*names, [&](const std::string& name) {
    return name == store_mark::file_name || is_beside(name);
  });
  return names;
}

} // namespace alula::storage
