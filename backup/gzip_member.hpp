/// One block of bytes as one complete gzip member (RFC 1952), and back. An
/// archive is a row of such members: an ordinary .gz for everybody else, and
/// for us a file whose blocks are made, checked and found independently.
#pragma once

#include "jobs/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace alula::backup {

/// Wings' `system.backups.compression_level` (wings-protocol 6.3).
enum class compression { none, best_speed, best_compression };

using bytes = std::vector<std::byte>;
using byte_view = std::span<const std::byte>;

/// Belongs to one thread; keeps its working memory between blocks.
class member_encoder {
public:
  explicit member_encoder(compression level);
  ~member_encoder();
  member_encoder(member_encoder&&) noexcept;
  member_encoder& operator=(member_encoder&&) noexcept;

  /// Appends a member that holds `block` to `out`. Data that does not shrink
  /// (jars, region files) is stored, at most 5 bytes per 64 KiB larger. The
  /// block may have at most 1 GiB.
  void encode(byte_view block, bytes& out);

  /// Blocks that were stored rather than compressed, since the start.
  std::uint64_t stored_blocks() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// What the member at the start of `input` holds.
struct decoded_member {
  bytes content;
  std::size_t consumed = 0; ///< bytes of the member itself
};

/// Decodes the first member of `input`, checking its CRC and size. Faults:
/// io_error with a sentence about the damage; also when the content would be
/// longer than `limit`, so that a bomb costs no more than that.
jobs::result<decoded_member> decode_member(byte_view input, std::size_t limit);

} // namespace alula::backup
