/// How far a step is, in the units it counts. For the sources of kinds only.
#pragma once

#include "jobs/archives.hpp"
#include "jobs/job.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace alula::jobs {

/// A total that was passed had been too small; 0 stays "not known".
inline work_count count_of(std::int64_t done, std::int64_t total = 0) {
  return {.done = done, .total = total == 0 ? 0 : std::max(total, done)};
}

/// What a step has counted, out of its output; 0 is not known.
inline tree_size size_in(const fields::json& output) {
  return {.files = output.value("files", std::int64_t{0}),
          .bytes = output.value("bytes", std::int64_t{0})};
}

/// Of an archive: its bytes, and its files beside them. Of `whole` both, one or
/// neither may be known.
inline progress progress_of(const archive_progress_made& so_far,
                            const tree_size& whole, std::string message) {
  const auto bytes = count_of(so_far.bytes, whole.bytes);
  return {.done = bytes.done,
          .total = bytes.total,
          .unit = "bytes",
          .files = count_of(so_far.files, whole.files),
          .message = std::move(message)};
}

/// Of a purge: entries, and the bytes they have freed beside them, whose sum
/// nobody knows before.
inline progress progress_of(const volumes::purge_progress& so_far,
                            std::string message) {
  return {.done = so_far.entries,
          .total = so_far.entries_total,
          .unit = "entries",
          .bytes = count_of(so_far.bytes),
          .message = std::move(message)};
}

/// A walk of unknown length, told as a sign of life.
inline volumes::walk_tell telling_walk(const step_context& ctx,
                                       std::string message) {
  return [&ctx, message = std::move(message)](std::int64_t looked_at) {
    ctx.report({.done = looked_at, .unit = "entries", .message = message});
  };
}

} // namespace alula::jobs
