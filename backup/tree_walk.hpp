/// A walk through a server's files by directory descriptors. A player who
/// swaps a directory for a link while it runs leads it nowhere: no link is
/// followed and no mount is crossed.
#pragma once

#include "backup/file_descriptor.hpp"
#include "backup/ignore_rules.hpp"
#include "jobs/archives.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <sys/stat.h>

namespace alula::backup {

/// What the walk finds, in the order it finds it. `path` is relative to the
/// root, without a leading slash. `parent` is open during the call, and `name`
/// is the last part of the path in it.
class tree_visitor {
public:
  virtual ~tree_visitor() = default;
  struct place {
    std::string_view path;
    int parent;
    const char* name;
  };
  virtual jobs::status file(const place& at, const struct stat& seen) = 0;
  virtual jobs::status link(const place& at, const struct stat& seen) = 0;
  /// After everything in it. `is_empty`: it holds nothing at all.
  virtual jobs::status directory(const place& at, const struct stat& seen,
                                 bool is_empty) = 0;
  /// Left out, and why: a socket, a device, a mount, unreadable, vanished.
  virtual void skipped(std::string_view path, std::string_view why) = 0;
};

struct walk_settings {
  /// What is deeper, or has a longer path, is skipped with a note: no restore
  /// would take it.
  jobs::extraction_limits limits = {};
  /// Names in memory at once, in bytes. A directory with more of them is read
  /// in parts.
  std::size_t most_listed = std::size_t{8} * 1024 * 1024;
};

/// Visits everything below `root` that the rules leave in. Names come in inode
/// order within a directory (within a part of a very large one), which is disk
/// order on ext4. Holds some 64 directories open, however deep it is. Ends with
/// the first fault of the visitor, `interrupted` when asked to stop (looked at
/// for every entry), io_error when the node is short of descriptors or memory;
/// whatever cannot be read is skipped with a note, which of a directory says
/// that what is in it is missing.
jobs::status walk_tree(int root, const ignore_rules& rules,
                       const std::stop_token& stop, tree_visitor& visitor,
                       const walk_settings& settings = {});

} // namespace alula::backup
