/// A stream of bytes cut into blocks that several threads compress at once,
/// and that come out in order: the middle of the archive pipeline.
///
///   write() ─► blocks ─► N encoders ─► in order: SHA-1, sink
///                                  └─► in order: SHA-256
///
/// Memory is bounded by the blocks in flight, whatever the stream's length:
/// write() waits while there are `threads + 2` of them.
#pragma once

#include "backup/digest.hpp"
#include "backup/gzip_member.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace alula::backup {

/// Where a member begins, in the stream and in the archive.
struct member_position {
  std::uint64_t content = 0;
  std::uint64_t archive = 0;
  friend bool operator==(const member_position&,
                         const member_position&) = default;
};

struct pipeline_settings {
  compression level = compression::best_speed;
  unsigned threads = 2; ///< encoders; sink and SHA-256 have their own
  /// Content bytes per member. 1 MiB: smaller ones compress worse and make the
  /// index longer, larger ones cost memory and reading time for one file.
  std::size_t block_size = std::size_t{1024} * 1024;
};

struct pipeline_result {
  std::uint64_t content_bytes = 0;
  std::uint64_t archive_bytes = 0;
  std::uint64_t stored_blocks = 0;
  checksums sums; ///< of the archive
  std::vector<member_position> members;
};

/// write() and finish() belong to one thread. Destroyed without finish(), it
/// drops what is in flight.
class member_pipeline {
public:
  /// Called in order, on one thread of the pipeline; may block. Its first
  /// fault ends the pipeline and is what write() and finish() return, as is
  /// that the node gives too few threads.
  using sink = std::function<jobs::status(byte_view archive)>;

  member_pipeline(pipeline_settings settings, sink to);
  ~member_pipeline();
  member_pipeline(const member_pipeline&) = delete;
  member_pipeline& operator=(const member_pipeline&) = delete;

  /// Blocks while too much is in flight.
  jobs::status write(byte_view content);

  /// Bytes taken by write() so far; the next byte's place in the stream.
  std::uint64_t position() const;

  /// Ends the current block here, so that what is written next begins a member
  /// of its own.
  jobs::status cut();

  /// Waits for the last block. An empty stream makes one empty member: a
  /// .gz needs at least one.
  jobs::result<pipeline_result> finish();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace alula::backup
