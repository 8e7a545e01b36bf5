/// What a node holds and has opened before its parts are made: each of them can
/// fail, and none of them runs yet.
#pragma once

#include "app/config.hpp"
#include "backup/local_archives.hpp"
#include "jobs/disk_room.hpp"
#include "jobs/rate_limit.hpp"
#include "jobs/result.hpp"
#include "remote/s3_stores.hpp"
#include "storage/data_lock.hpp"
#include "storage/local_volumes.hpp"

#include <memory>
#include <string>
#include <vector>

namespace alula::app {

/// In the order in which they are had. The lock comes before all that touches
/// the disk, and goes after it.
struct opened_places {
  std::string docker_socket;
  storage::data_lock lock;
  /// What the ledger has to bear (storage/store_mark.hpp).
  std::string store_id;
  /// What all uploads share; null: no limit.
  std::shared_ptr<jobs::shared_rate> upload_limit;
  std::vector<remote::s3_settings> stores;
  std::shared_ptr<jobs::disk_room> room;
  std::unique_ptr<storage::local_volumes> volumes;
  std::unique_ptr<backup::local_archives> archives;
};

/// Blocks. Takes the lock, holds the directories against the ledger's mark, and
/// marks them when all of them are open: before anybody opens the ledger. The
/// fault says which part failed and, where that is not plain, what would help;
/// nothing is held then.
jobs::result<opened_places> open_places(const config& settings);

} // namespace alula::app
