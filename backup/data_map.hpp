/// Where a file with holes has its data.
#pragma once

#include "backup/tar_header.hpp"

#include <cstdint>
#include <stop_token>
#include <vector>

namespace alula::backup {

struct data_map {
  std::vector<sparse_extent> extents; ///< in order, apart, none empty
  std::uint64_t data = 0;             ///< of all of them
};

/// Fewer bytes of holes than these in one file are archived as the zeros they
/// read as, which every reader of tars understands.
constexpr std::uint64_t least_of_holes = std::uint64_t{64} * 1024 * 1024;

/// Of the first `size` bytes of an open file. Small holes count as data, the
/// larger the more pieces there are, so that there are at most 100,000. A file
/// system that does not tell has one piece. Stops early, with the rest as data,
/// when asked to.
data_map data_map_of(int file, std::uint64_t size, const std::stop_token& stop);

/// Whether a file of this size and this many blocks of 512 bytes may have holes
/// enough to be archived without them.
constexpr bool may_have_holes(std::int64_t size, std::int64_t blocks) {
  return size > 0 && blocks >= 0
         && static_cast<std::uint64_t>(size)
                >= static_cast<std::uint64_t>(blocks) * 512 + least_of_holes;
}

} // namespace alula::backup
