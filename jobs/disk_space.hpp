/// What there is of a disk, and what of that may be taken.
#pragma once

#include <cstdint>
#include <string_view>

namespace alula::jobs {

/// What a disk has left for whoever asks for room (jobs/disk_room.hpp).
enum class room_left {
  enough,
  little, ///< less than what is kept free for others
  none    ///< backups and restores that need some are refused
};

/// "enough", "little", "none".
std::string_view to_string(room_left left);

/// What a job wants to be promised.
struct room_wanted {
  std::int64_t bytes = 0;
  std::int64_t files = 0; ///< inodes, where the file system has so many
  /// Bytes that are not free yet: the job is about to free them. More than it
  /// wants of them make up for it where less than nothing is left, and are
  /// promised to nobody.
  std::int64_t coming = 0;
};

struct disk_space {
  /// The one rule for whoever tells of a disk.
  room_left left() const {
    return free <= 0          ? room_left::none
           : free < kept_free ? room_left::little
                              : room_left::enough;
  }
  std::int64_t free = 0; ///< bytes that may be taken, less what is reserved
  std::int64_t total = 0;
  std::int64_t reserved = 0;
  std::int64_t unused = 0;  ///< as the file system counts, whoever it is for
  std::uint64_t device = 0; ///< equal for two places on one disk; 0: unknown
  /// Of what is unused, never given out. When less is unused, the servers and
  /// the ledger are at it.
  std::int64_t kept_free = 0;
};

} // namespace alula::jobs
