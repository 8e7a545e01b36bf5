/// How much of the disk a directory tree takes.
#pragma once

#include "jobs/ports.hpp"
#include "jobs/result.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <stop_token>

namespace alula::storage {

/// How many entries a walk, or several after each other, have looked at.
/// `tell` hears it every 4,096, and outlives it.
class entry_count {
public:
  explicit entry_count(const jobs::volumes::walk_tell& tell) : tell_(tell) {}
  void add();

private:
  const jobs::volumes::walk_tell& tell_;
  std::int64_t looked_ = 0;
};

/// Bytes of all blocks below `root`, itself included. A file of several names
/// counts its share for each of them. Never follows a link, never leaves the
/// mount of `root`, skips what vanishes meanwhile: of a tree that is being
/// written it is an estimate. Uses at most 40 descriptors and, per level of
/// depth, memory for one batch of directory names. The token is looked at every
/// 256 entries, each of them counted. Faults: io_error, interrupted.
jobs::result<std::int64_t> measure_tree(const directory& root,
                                        const std::stop_token& stop,
                                        entry_count& looked);

/// The same, with a count of its own.
jobs::result<std::int64_t>
measure_tree(const directory& root, const std::stop_token& stop,
             const jobs::volumes::walk_tell& tell = {});

} // namespace alula::storage
