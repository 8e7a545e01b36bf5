/// Who was promised how much of which disk, for everybody on the node who
/// writes much: backups and restores may share one. A part of every disk is
/// never promised, so that the ledger and the games can go on writing. Any
/// thread.
#pragma once

#include "jobs/disk_space.hpp"
#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace alula::jobs {

class disk_room {
public:
  /// 2 % of the disk, within 256 MiB and 1 GiB, and at most a tenth of it.
  static constexpr std::int64_t by_size = -1;

  /// `keep_free`: bytes of each disk that are never promised, or `by_size`.
  explicit disk_room(std::int64_t keep_free = by_size)
    : keep_free_(keep_free) {}

  /// Of the disk that the open directory `at` is on, which `name` calls "the
  /// backup disk". A job has one promise per name, which this replaces: what a
  /// restore downloads and what it unpacks are counted both, also where they
  /// share a disk. Fault insufficient_storage, with the numbers; no part of the
  /// inodes is left alone.
  /// With room that is to come all of it is promised at once, so that nobody
  /// else gets what the job frees: what others are promised anew is the less
  /// until then, and what they were promised before stays theirs. For the job
  /// itself, whatever name it asks by next, what is to come is no burden.
  status reserve(int at, std::string_view name, const job_id& job,
                 const room_wanted& room);
  status reserve(int at, std::string_view name, const job_id& job,
                 std::int64_t bytes) {
    return reserve(at, name, job, room_wanted{.bytes = bytes});
  }
  void release(const job_id& job, std::string_view name);
  /// So much of it is on the disk now, and counted there.
  void spend(const job_id& job, std::string_view name, std::int64_t bytes);

  /// For who is writing already: fault insufficient_storage, with the numbers,
  /// when less is free than half of what is never promised.
  status look(int at, std::string_view name) const;

  result<disk_space> space(int at, std::string_view name) const;

private:
  struct owner {
    job_id job;
    std::string of; ///< the name it was asked by
    auto operator<=>(const owner&) const = default;
  };
  struct promise {
    dev_t disk = 0;
    std::int64_t bytes = 0;
    std::int64_t files = 0;
    std::int64_t coming = 0; ///< of the bytes: not free yet
  };
  struct numbers {
    dev_t disk = 0;
    std::int64_t free = 0;
    std::int64_t total = 0;
    std::int64_t kept_free = 0;
    std::int64_t inodes = 0; ///< free ones; without a limit: more than any
  };

  result<numbers> numbers_of(int at, std::string_view name) const;
  /// To all but `except`, who counts only what is free of it if he
  /// `came_first`, and in any case of what his job has by other names.
  promise promised(dev_t disk, const owner& except, bool came_first) const;

  std::int64_t keep_free_;
  mutable std::mutex mutex_;
  std::map<owner, promise> promises_;
};

/// A full disk does not become larger by waiting: insufficient_storage, which
/// is tried again, becomes no_room, over which the job fails. Other faults stay
/// what they are.
fault without_room(fault why);

} // namespace alula::jobs
