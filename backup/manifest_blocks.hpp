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

/// The text of a block.
jobs::result<bytes> read_block(int manifest, const indexed_block& block);

/// The lines of a text that ends with a newline, without theirs. A text that
/// does not end with one is damaged.
jobs::result<std::vector<std::string_view>> lines_of(std::string_view text);

jobs::fault damaged_manifest(std::string_view why);

} // namespace alula::backup
