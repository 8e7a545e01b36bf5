/// Moves one directory tree into another by renames, file by file where both
/// have a directory, as a restore that keeps what the archive does not have.
/// The tree that is moved is its own cursor: what is left of it is what is left
/// to do.
#pragma once

#include "jobs/result.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace alula::storage {

/// One entry below a directory that is held open.
struct tree_place {
  const directory& parent;
  std::string name;
};

struct merge_manner {
  /// Unix milliseconds. Of a directory on both sides that changed since, and of
  /// the root, the volume's keeps its look: the tree's was made for what is in
  /// it only. 0: none.
  std::int64_t made_after = 0;
  /// The tree is what an earlier merge kept: what is on its list (tree_aside)
  /// is taken out of the volume first.
  bool takes_back = false;
  /// Told of the renames so far, at least every 256; empty: nobody.
  std::function<void(std::int64_t)> tell = {};
};

/// Moves every entry of `tree` into the directory `into` and returns how many
/// renames that took; a directory that `into` lacks moves with all below it
/// and counts once. A directory on both sides takes the owner, mode and time
/// the tree has for it (they are lost when the process dies in that directory).
/// What is in the way is moved to the same path below `aside`, whose
/// directories are made when first needed and look like those of `into`; when
/// even that name is taken (by an earlier run, after which somebody made the
/// file anew), ".1" to ".99" is added to it.
///
/// What `into` lacked is put on the list of `aside` before it is moved, and
/// `aside` is there then.
///
/// Links are moved as themselves and never followed, also when `into` changes
/// meanwhile; what is mounted inside is a fault. Ends with syncfs, then removes
/// the emptied tree and syncs its parent. A tree that is not there is success.
/// Uses at most 8 descriptors and, per level of depth, memory for 1,024 names.
/// Paths of directories on both sides may have 4,095 bytes. The token is looked
/// at every 256 entries. Faults: io_error, insufficient_storage, interrupted;
/// after each, the same call goes on.
jobs::result<std::int64_t> merge_tree(const tree_place& tree,
                                      const tree_place& into,
                                      const tree_place& aside,
                                      const merge_manner& manner,
                                      const std::stop_token& stop);

} // namespace alula::storage
