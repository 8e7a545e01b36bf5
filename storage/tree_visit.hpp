/// Walks over a directory tree, whatever its size and depth.
#pragma once

#include "jobs/result.hpp"
#include "storage/file_system.hpp"

#include <functional>
#include <stop_token>
#include <sys/stat.h>

namespace alula::storage {

struct tree_entry {
  int at = -1;           ///< the directory it is in; of a directory: itself
  const char* name = ""; ///< empty for a directory
  const struct stat& found;
};

/// A fault ends the walk.
using tree_visitor = std::function<jobs::status(const tree_entry&)>;

/// Shows every entry below `root`, itself included, each directory before what
/// is in it. Never follows a link, never leaves the mount of `root`, skips what
/// vanishes meanwhile. Uses at most 40 descriptors and, per level of depth,
/// memory for one batch of directory names. The token is looked at every 256
/// entries. Faults: io_error, interrupted, the visitor's.
jobs::status visit_tree(const directory& root, const std::stop_token& stop,
                        const tree_visitor& visitor);

} // namespace alula::storage
