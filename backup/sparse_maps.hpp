/// Where the pieces of a sparse file are, for the two formats of GNU tar that
/// say so outside of the headers proper (GNU tar's manual, "Storing Sparse
/// Files").
#pragma once

#include "backup/tar_bytes.hpp"
#include "backup/tar_header.hpp"
#include "backup/tar_reader.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <vector>

namespace alula::backup {

/// The old format: in `header`, which is read already, and in the blocks that
/// follow it. Faults name `of`; archive_refused: more than a million pieces.
jobs::status read_old_map(tar_bytes& from, const raw_block& header,
                          const tar_entry& of,
                          std::vector<sparse_extent>& into);

/// Format 1.0: in lines before the content, filled up to a block. `unread`, the
/// bytes of the content that are to come, goes down by what the map takes.
jobs::status read_map_in_content(tar_bytes& from, const tar_entry& of,
                                 std::uint64_t& unread,
                                 std::vector<sparse_extent>& into);

} // namespace alula::backup
