/// How much of the disk a directory tree takes.
#pragma once

#include "jobs/ports.hpp"
#include "jobs/result.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <stop_token>

namespace alula::storage {

/// Bytes of all blocks below `root`, itself included. A file of several names
/// counts its share for each of them. Never follows a link, never leaves the
/// mount of `root`, skips what vanishes meanwhile: of a tree that is being
/// written it is an estimate. Uses at most 40 descriptors and, per level of
/// depth, memory for one batch of directory names. The token is looked at every
/// 256 entries, `tell` called every 4,096. Faults: io_error, interrupted.
jobs::result<std::int64_t>
measure_tree(const directory& root, const std::stop_token& stop,
             const jobs::volumes::walk_tell& tell = {});

} // namespace alula::storage
