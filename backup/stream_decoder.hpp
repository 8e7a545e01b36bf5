/// A compressed file decoded front to back on one thread: what can be done
/// with an archive nobody has an index of.
#pragma once

#include "backup/archive_file.hpp"
#include "backup/member_pipeline.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace alula::backup {

/// Belongs to one thread.
class stream_decoder {
public:
  virtual ~stream_decoder() = default;
  /// Fills `into` from its front; how much is there now, 0 at the end only.
  /// Faults: backup_damaged with the offset in the archive, those of the file.
  virtual jobs::result<std::size_t> decode(std::span<std::byte> into) = 0;
  /// How far the file was read.
  virtual std::uint64_t position() const = 0;
};

enum class coding { gzip, zstd };

/// By the first bytes. Fault backup_damaged: neither.
jobs::result<coding> coding_of(archive_file& file);

/// Told where each member begins; the content is counted from where the decoder
/// began.
using member_seen = std::function<void(const member_position&)>;

/// Any number of gzip members from offset `at` on, where one begins. `seen` is
/// called by decode().
std::unique_ptr<stream_decoder>
gzip_decoder(archive_file& file, std::uint64_t at, member_seen seen = {});

/// zstd frames, by libarchive.
std::unique_ptr<stream_decoder> zstd_decoder(archive_file& file);

} // namespace alula::backup
