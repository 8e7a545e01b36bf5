#include "storage/local_volumes.hpp"

#include "storage/file_system.hpp"
#include "storage/tree_removal.hpp"

#include <unistd.h>
#include <utility>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::server_id;
using jobs::status;

struct local_volumes::places {
  directory volumes;
  directory trash;
  ownership server_user;

  /// Both ends of a rename. Where a name arrives is synced first: a power cut
  /// in between may show the tree twice, never nowhere.
  status sync_move(const directory& from, const directory& to) const {
    if (auto synced = sync_directory(to); !synced)
      return synced;
    return sync_directory(from);
  }
};

namespace {

fault bad_entry(std::string_view entry) {
  return {.code = fault_code::internal,
          .what = "A trash entry is one plain file name.",
          .where = std::string{entry}};
}

fault not_together(const directory& volumes, const directory& trash,
                   std::string why) {
  return {.code = fault_code::io_error,
          .what = "The volumes " + volumes.path.string() + " and the trash "
                  + trash.path.string() + " " + std::move(why)
                  + " A deleted server's files are renamed from one to the "
                    "other; put the trash beside the volumes.",
          .where = trash.path.string()};
}

bool is_inside(const std::filesystem::path& inner,
               const std::filesystem::path& outer) {
  const auto relative = inner.lexically_relative(outer);
  return !relative.empty() && *relative.begin() != "..";
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
  if (!volumes->identity.is_same_place(trash->identity))
    return not_together(*volumes, *trash,
                        "are on different file systems or mounts.");
  if (volumes->identity == trash->identity)
    return not_together(*volumes, *trash, "are the same directory.");
  if (is_inside(volumes->path, trash->path))
    return not_together(*volumes, *trash, "are one inside the other.");
  auto held =
      std::make_unique<places>(places{std::move(*volumes),
                                      std::move(*trash),
                                      {settings.uid, settings.gid, 0755}});
  return std::unique_ptr<local_volumes>{new local_volumes{std::move(held)}};
}

result<bool> local_volumes::create(const server_id& server) {
  return make_directory(places_->volumes, server.to_string(),
                        places_->server_user);
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
  auto moved = rename_new(live, volume, trash, name);
  if (!moved)
    return std::move(moved).error();
  if (*moved == rename_outcome::target_exists) {
    if (auto removed = storage::remove_if_empty(live, volume); !removed)
      return std::move(removed).error();
    auto stays = is_taken(live, volume);
    if (!stays)
      return std::move(stays).error();
    if (*stays)
      return fault{fault_code::io_error,
                   "The volume lies in the trash as " + trash.path_of(name)
                       + " already, and another one with files in it took its "
                         "place.",
                   live.path_of(volume)};
  }
  // Also when an earlier run moved it: it may have died before its syncs.
  if (auto synced = places_->sync_move(live, trash); !synced)
    return std::move(synced).error();
  if (*moved == rename_outcome::source_missing)
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
  auto removed = remove_tree(places_->trash, std::string{entry}, stop, tell);
  if (!removed)
    return removed;
  // Also when nothing was there: an earlier run may have died before this.
  if (auto synced = sync_directory(places_->trash); !synced)
    return std::move(synced).error();
  return removed;
}

result<std::vector<std::string>> local_volumes::trash_entries() {
  return list_names(places_->trash);
}

} // namespace alula::storage
