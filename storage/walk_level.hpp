/// What the walks over directory trees share: a tree may be deeper than there
/// are descriptors, so levels far above the newest are closed and opened again
/// on the way up.
#pragma once

#include "storage/directory_batch.hpp"
#include "storage/file_system.hpp"

#include <cstddef>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace alula::storage {

inline constexpr int walk_flags =
    O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC;
inline constexpr std::size_t max_open_levels = 32;
inline constexpr std::int64_t looks_between_checks = 256; ///< of a stop token

/// A directory that a walk is in.
struct walk_level {
  file_descriptor fd; ///< closed while the walk is far below
  file_identity identity;
  std::vector<std::string> subs; ///< directories of the current batch
  std::size_t next_sub = 0;
  off_t position = 0;   ///< where reading goes on after a reopen
  bool is_read = false; ///< the end was reached
};

/// Bytes for the next batch: every level keeps the directory names of one, so
/// they are large where trees are wide and small where only a hostile tree
/// goes.
inline std::size_t room_at(std::size_t depth, std::size_t large) {
  constexpr std::size_t small = 8 * 1024;
  return depth <= max_open_levels ? large : small;
}

/// Takes the new level in, and closes the one that is too far above it now.
template<class Level>
void go_down(std::vector<Level>& levels, Level next) {
  levels.push_back(std::move(next));
  if (levels.size() <= max_open_levels)
    return;
  auto& far = levels[levels.size() - 1 - max_open_levels];
  if (!far.fd.is_open())
    return;
  far.position = ::lseek(far.fd.get(), 0, SEEK_CUR);
  far.fd.close();
}

/// Goes on reading a level that was closed, on the descriptor it was opened
/// with again.
inline void go_on(walk_level& level, file_descriptor fd) {
  level.fd = std::move(fd);
  ::lseek(level.fd.get(), level.position, SEEK_SET);
}

} // namespace alula::storage
