#include "app/storage_settings.hpp"

#include "app/panel_settings.hpp"
#include "app/places.hpp"
#include "jobs/descriptor.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <thread>
#include <utility>

namespace alula::app {

namespace {

constexpr std::int64_t mib = 1 << 20;

backup::compression level_of(const std::string& word) {
  if (word == "none")
    return backup::compression::none;
  return word == "best_compression" ? backup::compression::best_compression
                                    : backup::compression::best_speed;
}

} // namespace

std::shared_ptr<jobs::disk_room> room_of(const config& c) {
  const auto asked = c.system.backups.keep_free;
  return std::make_shared<jobs::disk_room>(asked < 0 ? jobs::disk_room::by_size
                                                     : asked * mib);
}

storage::volume_settings
volume_settings_of(const config& c, std::shared_ptr<jobs::disk_room> room) {
  const auto who = file_owner(c);
  return {.volumes = c.system.data,
          .trash = trash_directory(c),
          .staging = staging_directory(c),
          .uid = who.uid,
          .gid = who.gid,
          .room = std::move(room)};
}

backup::store_settings
store_settings_of(const config& c, std::shared_ptr<jobs::disk_room> room) {
  const auto per_second = [](std::int64_t asked) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(asked, 0) * mib);
  };
  const auto& asked = c.system.backups;
  const auto who = file_owner(c);
  const unsigned processors = std::max(std::thread::hardware_concurrency(), 1U);
  return {.directory = backup_directory(c),
          .file_name = asked.file_name,
          .level = level_of(asked.compression_level),
          .threads = asked.threads > 0 ? static_cast<unsigned>(asked.threads)
                                       : processors,
          .write_limit = per_second(asked.write_limit),
          .read_limit = per_second(asked.read_limit),
          .idle_io = asked.idle_io,
          .uid = who.uid,
          .gid = who.gid,
          .keep_outside_links = asked.keep_outside_links,
          .format = asked.format == "full" ? backup::archive_format::full
                                           : backup::archive_format::wings,
          .room = std::move(room)};
}

std::vector<actors::watched_place>
watched_places_of(const config& c, jobs::volumes& volumes,
                  std::shared_ptr<jobs::disk_room> room) {
  const auto look = [at = ledger_directory(c),
                     room =
                         std::move(room)]() -> jobs::result<jobs::disk_space> {
    const jobs::descriptor directory{
        ::open(at.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.get() < 0)
      return jobs::system_fault(errno, "open", at.string());
    return room->space(directory.get(), "the disk of the ledger");
  };
  return {{"volumes", [&volumes] { return volumes.space(); }},
          {"ledger", look}};
}

std::filesystem::path ledger_file(const config& c) {
  return ledger_directory(c) / "ledger.db";
}

storage::ledger_settings ledger_settings_of(const config& c,
                                            std::string store_id) {
  return {.file = ledger_file(c),
          .version = ALULA_VERSION,
          .store_id = std::move(store_id),
          .tells_panel = has_panel(c),
          .audit_kept = c.api.audit_retention};
}

} // namespace alula::app
