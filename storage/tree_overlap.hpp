/// How much of a volume a merge would push aside.
#pragma once

#include "jobs/ports.hpp"
#include "jobs/result.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <stop_token>

namespace alula::storage {

/// Bytes on the disk of everything in `volume` that has the path of something
/// in `tree` that is not a directory on both sides. Follows no link and crosses
/// into no mount. The token is looked at every 256 entries, `tell` called every
/// 4,096. Faults: io_error, interrupted.
jobs::result<std::int64_t>
measure_overlap(const directory& tree, const directory& volume,
                const std::stop_token& stop,
                const jobs::volumes::walk_tell& tell = {});

} // namespace alula::storage
