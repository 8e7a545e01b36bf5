#include "app/opened_places.hpp"

#include "app/far_settings.hpp"
#include "app/places.hpp"
#include "app/storage_settings.hpp"
#include "app/with_advice.hpp"
#include "storage/store_mark.hpp"

#include <utility>

namespace alula::app {

jobs::result<opened_places> open_places(const config& settings) {
  auto socket = docker_socket(settings);
  if (!socket)
    return with_advice(socket.error(), "No Docker endpoint",
                       "Set docker.socket to the path of dockerd's socket.");
  auto lock = storage::data_lock::acquire(ledger_directory(settings));
  if (!lock)
    return lock.error();
  // Before anything is made: a disk may not be mounted.
  auto mark = storage::store_mark::look(
      ledger_file(settings), {settings.system.data, trash_directory(settings)},
      backup_directory(settings));
  if (!mark)
    return mark.error();
  auto upload_limit = upload_limit_of(settings);
  auto stores = stores_of(settings, upload_limit);
  if (!stores)
    return with_advice(stores.error(), "See stores in the configuration.");
  auto room = room_of(settings);
  auto volumes =
      storage::local_volumes::open(volume_settings_of(settings, room));
  if (!volumes)
    return with_advice(volumes.error(), "The volumes cannot be reached",
                       "See system.data.");
  auto archives =
      backup::local_archives::open(store_settings_of(settings, room));
  if (!archives)
    return with_advice(archives.error(), "The backups cannot be reached",
                       "See system.backup_directory and system.backups.");
  if (auto marked = mark->write(); !marked)
    return marked.error();
  return opened_places{.docker_socket = std::move(*socket),
                       .lock = std::move(*lock),
                       .store_id = mark->id(),
                       .upload_limit = std::move(upload_limit),
                       .stores = std::move(*stores),
                       .room = std::move(room),
                       .volumes = std::move(*volumes),
                       .archives = std::move(*archives)};
}

} // namespace alula::app
