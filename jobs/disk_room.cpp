#include "jobs/disk_room.hpp"

#include "jobs/full_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace alula::jobs {

namespace {

constexpr std::int64_t mib = std::int64_t{1} << 20;

std::int64_t share_of(std::int64_t total) {
  return std::min(std::clamp(total / 50, 256 * mib, 1024 * mib), total / 10);
}

/// `name`, and where an operator finds it.
std::string place_of(int at, std::string_view name) {
  const auto mount = mount_of(at);
  return std::string{name}
         + (mount.empty() ? "" : " (mounted at " + mount + ")");
}

} // namespace

std::string_view to_string(room_left left) {
  switch (left) {
  case room_left::enough:
    return "enough";
  case room_left::little:
    return "little";
  case room_left::none:
    break;
  }
  return "none";
}

fault without_room(fault why) {
  if (why.code == fault_code::insufficient_storage)
    why.code = fault_code::no_room;
  return why;
}

result<disk_room::numbers> disk_room::numbers_of(int at,
                                                 std::string_view name) const {
  struct stat place {};
  if (::fstat(at, &place) != 0)
    return system_fault(errno, "fstat", name);
  struct statvfs seen {};
  if (::fstatvfs(at, &seen) != 0)
    return system_fault(errno, "statvfs", name);
  const auto unit = static_cast<std::int64_t>(seen.f_frsize);
  numbers out;
  out.disk = place.st_dev;
  out.free = static_cast<std::int64_t>(seen.f_bavail) * unit;
  out.total = static_cast<std::int64_t>(seen.f_blocks) * unit;
  out.inodes =
      seen.f_files == 0
          ? std::numeric_limits<std::int64_t>::max()
          : static_cast<std::int64_t>(std::min<std::uint64_t>(
              seen.f_favail, std::numeric_limits<std::int64_t>::max()));
  out.kept_free = keep_free_ < 0 ? share_of(out.total) : keep_free_;
  return out;
}

disk_room::promise disk_room::promised(dev_t disk, const owner& except,
                                       bool came_first) const {
  promise sum{.disk = disk};
  for (const auto& [whose, kept] : promises_) {
    if (whose == except || kept.disk != disk)
      continue;
    const bool only_what_is_free = came_first || whose.job == except.job;
    sum.bytes += kept.bytes - (only_what_is_free ? kept.coming : 0);
    sum.files += kept.files;
  }
  return sum;
}

status disk_room::reserve(int at, std::string_view name, const job_id& job,
                          const room_wanted& room) {
  auto disk = numbers_of(at, name);
  if (!disk)
    return std::move(disk).error();
  const auto bytes = room.bytes;
  promise others;
  std::int64_t left = 0;
  {
    const std::lock_guard guard{mutex_};
    const owner mine{job, std::string{name}};
    // Who asks for no more than he has, beside what he frees himself, was
    // promised it before them.
    const auto own = promises_.find(mine);
    const bool came_first = own != promises_.end()
                            && own->second.disk == disk->disk
                            && bytes - room.coming <= own->second.bytes;
    others = promised(disk->disk, mine, came_first);
    left = disk->free - disk->kept_free - others.bytes + room.coming;
    if (bytes <= left
        && (room.files == 0 || room.files <= disk->inodes - others.files)) {
      // What comes beyond them is nobody's: it would be counted as there.
      promises_[mine] = {disk->disk, bytes, room.files,
                         std::min(room.coming, bytes)};
      return {};
    }
  }
  // Without the lock: to find out where the disk is mounted may block.
  if (bytes <= left)
    return fault{.code = fault_code::insufficient_storage,
                 .what = std::to_string(room.files) + " inodes are needed on "
                         + place_of(at, name) + ", one for each file; "
                         + std::to_string(disk->inodes) + " are free, of which "
                         + std::to_string(std::min(others.files, disk->inodes))
                         + " are reserved already"};
  return fault{.code = fault_code::insufficient_storage,
               .what =
                   readable_size(bytes) + " are needed on " + place_of(at, name)
                   + "; " + readable_size(disk->free) + " are free, of which "
                   + readable_size(std::min(others.bytes, disk->free))
                   + " are reserved already and "
                   + readable_size(disk->kept_free) + " have to stay free"
                   + (room.coming > 0 ? ", and " + readable_size(room.coming)
                                            + " would be made so: "
                                      : ": ")
                   + readable_size(bytes - left) + " are missing"};
}

void disk_room::release(const job_id& job, std::string_view name) {
  const std::lock_guard guard{mutex_};
  promises_.erase({job, std::string{name}});
}

void disk_room::spend(const job_id& job, std::string_view name,
                      std::int64_t bytes) {
  const std::lock_guard guard{mutex_};
  const auto kept = promises_.find({job, std::string{name}});
  if (kept == promises_.end())
    return;
  auto& left = kept->second;
  left.bytes = std::max<std::int64_t>(0, left.bytes - bytes);
  left.coming = std::min(left.coming, left.bytes);
}

status disk_room::look(int at, std::string_view name) const {
  auto disk = numbers_of(at, name);
  if (!disk)
    return std::move(disk).error();
  if (disk->free >= disk->kept_free / 2)
    return {};
  return fault{.code = fault_code::insufficient_storage,
               .what = place_of(at, name)
                       + " filled up meanwhile: " + readable_size(disk->free)
                       + " are free, and " + readable_size(disk->kept_free / 2)
                       + " have to stay so"};
}

result<disk_space> disk_room::space(int at, std::string_view name) const {
  auto disk = numbers_of(at, name);
  if (!disk)
    return std::move(disk).error();
  const std::lock_guard guard{mutex_};
  const auto reserved = promised(disk->disk, {}, false).bytes;
  return disk_space{.free = std::max<std::int64_t>(
                        0, disk->free - disk->kept_free - reserved),
                    .total = disk->total,
                    .reserved = reserved,
                    .unused = disk->free,
                    .device = disk->disk,
                    .kept_free = disk->kept_free};
}

} // namespace alula::jobs
