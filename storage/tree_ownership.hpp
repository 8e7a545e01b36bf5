/// Whom the files of a directory tree belong to.
#pragma once

#include "jobs/result.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <stop_token>
#include <sys/types.h>

namespace alula::storage {

struct ownership_change {
  std::int64_t changed = 0; ///< entries that belonged to somebody else
  std::int64_t left = 0;    ///< names of files that lie outside too
};

/// Makes every entry below `root`, itself included and links themselves, belong
/// to uid and gid; see tree_visit.hpp for how it walks. What is mounted inside
/// is left. So is a file of somebody else that has more names than there are in
/// the tree: its other names may be anywhere on the disk. Faults: io_error,
/// interrupted.
jobs::result<ownership_change> own_tree(const directory& root, uid_t uid,
                                        gid_t gid, const std::stop_token& stop);

} // namespace alula::storage
