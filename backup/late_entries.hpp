/// What an extraction makes last, when all that it may hold or point at is
/// there: links, and the modes and times of directories.
#pragma once

#include "backup/extraction_account.hpp"
#include "backup/manifest_hints.hpp"
#include "backup/tree_writer.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace alula::backup {

struct late_link {
  std::string path;
  std::string target;
  std::int64_t mtime_ns = 0; ///< of a symbolic one
  bool is_hard = false;
};

/// Kept in memory until then, within bounds. Belongs to one thread.
class late_entries {
public:
  /// At most so many bytes of links. Tree and account outlive it.
  late_entries(tree_writer& tree, extraction_account& account,
               std::int64_t most_for_links)
    : tree_(tree), account_(account), most_for_links_(most_for_links) {}

  /// Fault archive_refused: over the bound.
  jobs::status keep(late_link it);

  /// One too many is made at once and goes without its mode and time.
  jobs::status keep(known_directory it);

  /// Symbolic links, then hard ones, then what directories get. Faults as
  /// tree_writer, and interrupted.
  jobs::status make();

private:
  jobs::status make_link(const late_link& link);

  tree_writer& tree_;
  extraction_account& account_;
  const std::int64_t most_for_links_;
  std::vector<late_link> links_;
  std::vector<known_directory> directories_;
  std::uint64_t for_links_ = 0;
  std::uint64_t for_directories_ = 0;
  bool is_past_directories_ = false;
};

} // namespace alula::backup
