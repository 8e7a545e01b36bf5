/// The index of a manifest and the blocks it leads to.
#pragma once

#include "backup/file_descriptor.hpp"
#include "backup/manifest_header.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace alula::backup {

struct indexed_block {
  std::string key;          ///< the first path, cut to the limit; entries only
  std::uint64_t offset = 0; ///< in the file
  std::uint64_t length = 0;
};

struct manifest_index {
  std::vector<indexed_block> entries; ///< keys never descend
  std::vector<indexed_block> members;
  std::vector<indexed_block> notes;
};

struct opened_manifest {
  manifest_header header;
  std::uint64_t index_offset = 0;
};

/// Reads the header and compares the layout with the file's length.
jobs::result<opened_manifest> open_manifest(int manifest);

/// The same of one that lies elsewhere, by its first bytes and its length.
jobs::result<opened_manifest> open_manifest_in(byte_view beginning,
                                               std::uint64_t size);

/// Every block lies inside the file.
jobs::result<manifest_index> read_index(int manifest,
                                        const opened_manifest& opened);

/// The text of a block, and its lines, which lie in it, without their ends. A
/// text whose last line has no end is damaged.
struct block_lines {
  bytes text;
  std::vector<std::string_view> lines;
};
jobs::result<block_lines> read_lines(int manifest, const indexed_block& block);

} // namespace alula::backup
