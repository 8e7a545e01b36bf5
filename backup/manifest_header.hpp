/// The first member of a manifest: one line of JSON with the facts, and one
/// with the checksum of the first.
#pragma once

#include "backup/manifest.hpp"
#include "jobs/result.hpp"

#include <string>
#include <string_view>

namespace alula::backup {

/// How the rest of the file is laid out: header, index, blocks.
struct manifest_layout {
  std::uint64_t index_length = 0;
  std::string index_sha256; ///< of the compressed index
  std::uint64_t blocks_length = 0;
};

struct manifest_header {
  manifest_facts facts;
  manifest_layout layout;
};

jobs::fault damaged_manifest(std::string_view why);

/// Both lines.
std::string header_text(const manifest_facts& facts,
                        const manifest_layout& layout);

/// Fault backup_damaged when the text is not what header_text made, or of a
/// later version.
jobs::result<manifest_header> header_from(std::string_view text);

std::string sha256_of(byte_view data);

} // namespace alula::backup
