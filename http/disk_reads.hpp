/// Threads that read files for the I/O thread where it would have to wait for a
/// disk, and close them: FUSE and NFS ask their servers at that, too. Each disk
/// has two of its own: one that does not answer, a network mount say, holds up
/// what lies on it and nothing else.
#pragma once

#include "http/errands.hpp"
#include "http/exchange.hpp"
#include "http/io_thread.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <sys/types.h>
#include <system_error>
#include <vector>

namespace alula::http {

/// A stretch of a file that is to be read.
struct disk_read {
  int file = -1;
  std::shared_ptr<const void> hold; ///< keeps it open while it is read
  std::int64_t offset = 0;
  std::int64_t ahead = 0;    ///< the disk is asked for so much from there on
  std::vector<char> into;    ///< all of it is wanted
  std::weak_ptr<void> whose; ///< not read any more when that has gone
  /// On the I/O thread, with what was read: less at the end of the file. Not
  /// called when that thread has gone; destroyed on any.
  std::function<void(std::vector<char> bytes, const std::error_code& failed)>
      done;
};

class disk_reads {
public:
  using read_function =
      std::function<ssize_t(int file, void* into, std::size_t size, off_t at)>;

  /// `how`: pread(2), or who stands in for a disk.
  explicit disk_reads(std::shared_ptr<io_thread> back, read_function how = {});

  /// I/O thread. False when too many wait for that disk, or the system has no
  /// threads left: it is then not read.
  bool run(disk_read what);

  /// The file, for who sends it. What holds it open is let go of by a thread of
  /// its disk when the last copy has gone; in place only when the system has no
  /// threads left. However many others wait there: each file has one of a
  /// bounded number of places. This and the end of each copy: I/O thread, or
  /// when that has ended, and before this ends.
  std::shared_ptr<const file_slice> lend(file_slice file);

private:
  /// Of different disks; more of them share.
  static constexpr std::size_t most_lanes = 8;

  errands& lane_of(int file);
  void let_go(file_slice& gone) noexcept;

  const std::shared_ptr<io_thread> back_;
  const read_function how_;
  std::map<dev_t, std::size_t> known_; ///< which lane
  std::array<std::unique_ptr<errands>, most_lanes> lanes_;
};

} // namespace alula::http
