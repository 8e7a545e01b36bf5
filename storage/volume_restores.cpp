// What local_volumes does for restores: trees are made in the staging
// directory and renamed into their place.
#include "jobs/log.hpp"
#include "storage/directory_look.hpp"
#include "storage/file_system.hpp"
#include "storage/io_priority.hpp"
#include "storage/local_volumes.hpp"
#include "storage/merge_account.hpp"
#include "storage/tree_merge.hpp"
#include "storage/tree_overlap.hpp"
#include "storage/tree_ownership.hpp"
#include "storage/tree_removal.hpp"
#include "storage/tree_usage.hpp"
#include "storage/volume_places.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace alula::storage {

using jobs::descriptor;
using jobs::fault;
using jobs::fault_code;
using jobs::job_id;
using jobs::result;
using jobs::server_id;
using jobs::status;
using jobs::system_fault;

namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr std::string_view disk_name = "the disk of the volumes";

/// A volume may be a mount of the operator's; what is mounted inside may not.
/// Negative errno on failure.
int open_volume(const directory& volumes, const std::string& name) {
  int fd = open_beneath(volumes.fd.get(), name.c_str(), directory_flags);
  if (fd == -EXDEV) {
    fd = ::openat(volumes.fd.get(), name.c_str(), directory_flags | O_NOFOLLOW);
    if (fd < 0)
      fd = -errno;
  }
  return fd;
}

status
remove_staged(const directory& staging, const std::string& name,
              const std::stop_token& stop,
              const std::function<void(const jobs::volumes::purge_progress&)>&
                  tell = {}) {
  if (auto removed = remove_tree(staging, name, stop, tell); !removed)
    return std::move(removed).error();
  // Also when nothing was there: an earlier run may have died before this.
  return sync_directory(staging);
}

/// Nothing when no job makes such names.
std::optional<job_id> owner_of(std::string_view name) {
  constexpr std::size_t id_length = 36;
  if (name.size() > id_length && name[id_length] != '.')
    return std::nullopt;
  return job_id::parse(name.substr(0, id_length));
}

/// The staged tree looks like the volume it replaces, durably: nothing in an
/// archive says how a volume itself looks.
status dress_as(const directory& volumes, const std::string& volume,
                const directory& staging, const std::string& name) {
  const file_descriptor old{
      open_beneath(volumes.fd.get(), volume.c_str(), directory_flags)};
  const file_descriptor made{
      open_beneath(staging.fd.get(), name.c_str(), directory_flags)};
  struct stat look {};
  if (!old.is_open() || !made.is_open() || ::fstat(old.get(), &look) != 0)
    return {}; // a missing one has no look, any other obstacle meets the rename
  if (auto dressed = dress(made.get(), look, staging.path_of(name)); !dressed)
    return dressed;
  if (::fsync(made.get()) != 0)
    return system_fault(errno, "fsync", staging.path_of(name));
  return {};
}

/// 0 when it is not there.
result<std::int64_t> measure_below(const directory& place,
                                   std::string_view name,
                                   const std::stop_token& stop,
                                   const jobs::volumes::walk_tell& tell) {
  if (!is_plain_name(name))
    return bad_entry(name);
  auto tree = open_below(place, std::string{name});
  if (!tree)
    return std::move(tree).error();
  return *tree ? measure_tree(**tree, stop, tell) : std::int64_t{0};
}

/// Renames the tree to the place that clear_place made free. Success when
/// another call was faster.
status fill_place(const directory& source, const std::string& name,
                  const directory& volumes, const std::string& volume) {
  constexpr int tries = 8;
  for (int i = 0; i < tries; ++i) {
    auto moved = rename_new(source, name, volumes, volume);
    if (!moved)
      return std::move(moved).error();
    if (*moved != rename_outcome::target_exists)
      return {};
    if (auto removed = remove_if_empty(volumes, volume); !removed)
      return removed;
  }
  return fault{fault_code::io_error,
               "A directory with files in it came in the way of the restored "
               "volume.",
               volumes.path_of(volume)};
}

} // namespace

result<descriptor> local_volumes::open(const server_id& server) {
  const auto name = server.to_string();
  const int fd = open_volume(places_->volumes, name);
  if (fd < 0)
    return unopened(-fd, places_->volumes, name);
  return descriptor{fd};
}

result<descriptor> local_volumes::stage(std::string_view name,
                                        std::stop_token stop) {
  if (!is_plain_name(name))
    return bad_entry(name);
  const auto& staging = places_->staging;
  const std::string entry{name};
  if (auto removed = remove_staged(staging, entry, stop); !removed)
    return std::move(removed).error();
  if (auto made = make_directory(staging, entry, places_->server_user); !made)
    return std::move(made).error();
  const int fd = open_beneath(staging.fd.get(), entry.c_str(), directory_flags);
  if (fd < 0)
    return system_fault(-fd, "open", staging.path_of(entry));
  return descriptor{fd};
}

status local_volumes::discard_staging(
    std::string_view name, std::stop_token stop,
    const std::function<void(const purge_progress&)>& tell) {
  if (!is_plain_name(name))
    return bad_entry(name);
  const low_io_priority gentle;
  return remove_staged(places_->staging, std::string{name}, stop, tell);
}

status local_volumes::sweep_staging(const jobs::is_live_job& is_live,
                                    std::stop_token stop) {
  const low_io_priority gentle;
  auto names = list_names(places_->staging);
  if (!names)
    return std::move(names).error();
  status outcome;
  for (const auto& name : *names) {
    const auto owner = owner_of(name);
    if (!owner || is_live(*owner))
      continue;
    auto removed = remove_staged(places_->staging, name, stop);
    if (removed)
      continue;
    if (removed.error().code == fault_code::interrupted)
      return removed;
    jobs::log(jobs::log_level::warning, "staging-leftover-stays",
              {{"tree", name},
               {"where", removed.error().where},
               {"reason", removed.error().what}});
    if (outcome)
      outcome = std::move(removed);
  }
  return outcome;
}

result<bool> local_volumes::replace(origin from, std::string_view name,
                                    const server_id& server,
                                    std::string_view entry) {
  if (!is_plain_name(name) || (from == origin::trash && name == entry))
    return bad_entry(name);
  if (!is_plain_name(entry))
    return bad_entry(entry);
  const auto& live = places_->volumes;
  const auto& trash = places_->trash;
  const auto& source = places_->source(from);
  const std::string tree{name};
  const std::string kept{entry};
  const auto volume = server.to_string();
  auto is_there = is_taken(source, tree);
  if (!is_there)
    return std::move(is_there).error();
  if (*is_there) {
    auto is_kept = is_taken(trash, kept);
    if (!is_kept)
      return std::move(is_kept).error();
    // What has the place after that was made by somebody else.
    if (from == origin::staging && !*is_kept)
      if (auto dressed = dress_as(live, volume, source, tree); !dressed)
        return std::move(dressed).error();
    if (auto cleared = clear_place(live, volume, trash, kept); !cleared)
      return std::move(cleared).error();
    // Also when an earlier run moved it: it may have died before its syncs.
    if (auto synced = places_->sync_move(live, trash); !synced)
      return std::move(synced).error();
    if (auto filled = fill_place(source, tree, live, volume); !filled)
      return std::move(filled).error();
  }
  auto is_placed = is_taken(live, volume);
  if (!is_placed)
    return std::move(is_placed).error();
  if (!*is_placed)
    return fault{fault_code::io_error,
                 "Neither the tree that should become the volume nor the "
                 "volume is there.",
                 source.path_of(tree)};
  if (auto synced = places_->sync_move(source, live); !synced)
    return std::move(synced).error();
  return is_taken(trash, kept);
}

result<std::int64_t>
local_volumes::merge(origin from, std::string_view name,
                     const server_id& server, std::string_view entry,
                     std::stop_token stop,
                     const std::function<void(std::int64_t)>& tell) {
  if (!is_plain_name(name) || (from == origin::trash && name == entry))
    return bad_entry(name);
  if (!is_plain_name(entry))
    return bad_entry(entry);
  const auto& source = places_->source(from);
  const auto volume = server.to_string();
  const std::string tree{name};
  auto is_there = is_taken(source, tree);
  if (!is_there)
    return std::move(is_there).error();
  if (*is_there) {
    if (auto ours = refuse_stranger(places_->volumes, volume); !ours)
      return std::move(ours).error();
    if (auto made =
            make_directory(places_->volumes, volume, places_->server_user);
        !made)
      return std::move(made).error();
  }
  merge_manner manner;
  manner.tell = tell;
  if (from == origin::trash)
    manner.takes_back = true;
  else if (const auto job = owner_of(tree))
    manner.made_after = jobs::created_at(*job);
  return merge_tree({source, tree}, {places_->volumes, volume},
                    {places_->trash, std::string{entry}}, manner, stop);
}

result<jobs::volumes::merge_account> local_volumes::account_of_merge(
    std::string_view entry, std::stop_token stop,
    const std::function<void(const merge_account&)>& tell) {
  if (!is_plain_name(entry))
    return bad_entry(entry);
  return read_merge_account(places_->trash, std::string{entry}, stop, tell);
}

/// The volume, open; no descriptor when there is none.
result<directory> local_volumes::open_tree(const server_id& server) {
  const auto name = server.to_string();
  const int fd = open_volume(places_->volumes, name);
  if (fd < 0 && fd != -ENOENT)
    return unopened(-fd, places_->volumes, name);
  return directory{
      file_descriptor{fd < 0 ? -1 : fd}, {}, places_->volumes.path / name};
}

result<std::int64_t> local_volumes::used(const server_id& server,
                                         std::stop_token stop,
                                         const walk_tell& tell) {
  const auto volume = open_tree(server);
  if (!volume)
    return volume.error();
  return volume->fd.is_open() ? measure_tree(*volume, stop, tell)
                              : std::int64_t{0};
}

result<std::int64_t> local_volumes::take_ownership(const server_id& server,
                                                   std::stop_token stop) {
  const auto volume = open_tree(server);
  if (!volume)
    return volume.error();
  if (!volume->fd.is_open())
    return std::int64_t{0};
  const auto& who = places_->server_user;
  const auto owned = own_tree(*volume, who.uid, who.gid, stop);
  if (!owned)
    return owned.error();
  if (owned->left > 0)
    jobs::log(jobs::log_level::warning, "files-not-owned",
              {{"server", server.view()}, {"names", owned->left}});
  return owned->changed;
}

result<std::int64_t> local_volumes::used_in_trash(std::string_view entry,
                                                  std::stop_token stop,
                                                  const walk_tell& tell) {
  return measure_below(places_->trash, entry, stop, tell);
}

result<std::int64_t> local_volumes::used_in_staging(std::string_view name,
                                                    std::stop_token stop,
                                                    const walk_tell& tell) {
  return measure_below(places_->staging, name, stop, tell);
}

result<std::int64_t> local_volumes::overlap(std::string_view name,
                                            const server_id& server,
                                            std::stop_token stop,
                                            const walk_tell& tell) {
  if (!is_plain_name(name))
    return bad_entry(name);
  auto tree = open_below(places_->staging, std::string{name});
  if (!tree)
    return std::move(tree).error();
  auto volume = open_below(places_->volumes, server.to_string());
  if (!volume)
    return std::move(volume).error();
  return *tree && *volume ? measure_overlap(**tree, **volume, stop, tell)
                          : std::int64_t{0};
}

result<jobs::disk_space> local_volumes::space() {
  return places_->room->space(places_->volumes.fd.get(), disk_name);
}

status local_volumes::reserve(const job_id& job,
                              const jobs::room_wanted& room) {
  return places_->room->reserve(places_->volumes.fd.get(), disk_name, job,
                                room);
}

void local_volumes::release(const job_id& job) {
  places_->room->release(job, disk_name);
}

} // namespace alula::storage
