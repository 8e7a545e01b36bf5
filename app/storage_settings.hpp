/// What the configuration says of volumes, archives and the ledger.
#pragma once

#include "actors/reading_desk.hpp"
#include "app/config.hpp"
#include "backup/local_archives.hpp"
#include "jobs/disk_room.hpp"
#include "storage/local_volumes.hpp"
#include "storage/sqlite_ledger.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace alula::app {

/// One for both: backups and volumes may share a disk.
std::shared_ptr<jobs::disk_room> room_of(const config& c);

storage::volume_settings volume_settings_of(const config& c,
                                            std::shared_ptr<jobs::disk_room>);

backup::store_settings store_settings_of(const config& c,
                                         std::shared_ptr<jobs::disk_room>);

/// What fills a disk besides the backups: the servers' volumes, and the ledger,
/// whose directory may be on another. `volumes` outlives them.
std::vector<actors::watched_place>
watched_places_of(const config& c, jobs::volumes& volumes,
                  std::shared_ptr<jobs::disk_room> room);

std::filesystem::path ledger_file(const config& c);

/// `store_id`: what the store's mark says (storage/store_mark.hpp).
storage::ledger_settings ledger_settings_of(const config& c,
                                            std::string store_id);

} // namespace alula::app
