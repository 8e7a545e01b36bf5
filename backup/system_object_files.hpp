/// Backups of systems as files of one directory: `<id>`, and `<id>.part` while
/// one is on its way.
#pragma once

#include "backup/backup_directory.hpp"
#include "jobs/disk_room.hpp"
#include "jobs/system_objects.hpp"

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

namespace alula::backup {

/// A port's adapter: see there. `room` is shared with whoever else writes much.
class system_object_files final : public jobs::system_objects {
public:
  /// The directory is opened by the first call that needs it, mode 0700 when it
  /// is missing, and by every later one until that has worked: a disk that
  /// comes late is no reason to start the node again.
  system_object_files(std::filesystem::path directory,
                      std::shared_ptr<jobs::disk_room> room)
    : path_(std::move(directory)), room_(std::move(room)) {}

  jobs::result<written>
  write(std::string_view id, const piece_source& from,
        const std::function<void(std::int64_t)>& tell) override;
  jobs::status publish(std::string_view id) override;
  jobs::status remove(std::string_view id) override;
  jobs::result<swept> sweep(const is_known_id& is_known) override;
  jobs::result<open_object> open(std::string_view id) override;
  jobs::result<jobs::disk_space> space() override;
  jobs::status reserve(const jobs::job_id& job, std::int64_t size) override;
  void release(const jobs::job_id& job) override;

private:
  /// The directory, for one of its files. Fault also for an id that is none.
  jobs::result<const backup_directory*> place_of(std::string_view id);
  jobs::result<const backup_directory*> at();

  const std::filesystem::path path_;
  const std::shared_ptr<jobs::disk_room> room_;
  std::mutex mutex_;
  std::optional<backup_directory> opened_; ///< once it is, it stays
};

} // namespace alula::backup
