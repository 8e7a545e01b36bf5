/// What jobs were promised of the disk of a fake, by the rules of
/// jobs/disk_room.hpp; contracts hold both to them.
#pragma once

#include "jobs/disk_space.hpp"
#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

namespace alula::jobs {

/// By job, in bytes: for a test to look at, and to change.
class fake_promises : public std::map<job_id, std::int64_t> {
public:
  std::int64_t sum() const {
    std::int64_t bytes = 0;
    for (const auto& [job, kept] : *this)
      bytes += kept;
    return bytes;
  }

  /// `free` is without what is never promised.
  status keep(const job_id& job, const room_wanted& room, std::int64_t free,
              std::int64_t inodes) {
    const auto own = find(job);
    const bool came_first =
        own != end() && room.bytes - room.coming <= own->second;
    std::int64_t others = 0;
    for (const auto& [owner, kept] : *this)
      if (owner != job) {
        const auto& beside = beside_[owner];
        others += kept - (came_first ? std::min(beside.coming, kept) : 0);
        inodes -= beside.files;
      }
    if (room.bytes > free - others + room.coming)
      return fault{.code = fault_code::insufficient_storage,
                   .what = std::to_string(room.bytes) + " bytes are needed, "
                           + std::to_string(free) + " are free, "
                           + std::to_string(others) + " are reserved"};
    if (room.files > 0 && room.files > inodes)
      return fault{.code = fault_code::insufficient_storage,
                   .what = std::to_string(room.files) + " inodes are needed"};
    (*this)[job] = room.bytes;
    beside_[job] = room;
    return {};
  }

private:
  std::map<job_id, room_wanted> beside_; ///< files, and what is to come
};

} // namespace alula::jobs
