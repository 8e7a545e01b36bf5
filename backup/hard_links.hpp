/// Which names are one file, found while a tree is walked.
#pragma once

#include "backup/archive_writer.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <utility>

namespace alula::backup {

/// Further names of one file carry a full copy in the archive, unless it is of
/// the full format; the list says that they are one. Remembers some 8 MiB of
/// first names; past that, further names become files of their own. So does a
/// name whose file was written to since its first name was taken: the inode may
/// be another file's by now, and that one's content is nowhere yet.
class hard_links {
public:
  /// Of a file with several names: makes `entry` a hard link when it is not the
  /// first of them. What is to be noted, once; mostly nothing.
  std::string_view take(archive_entry& entry, const struct stat& seen);

private:
  /// A file with several names, until all of them were seen.
  struct first_name {
    std::string path;
    nlink_t missing; ///< names not seen yet
    off_t size;
    std::int64_t mtime_ns;
  };
  using names = std::map<std::pair<dev_t, ino_t>, first_name>;
  static std::size_t cost_of(const std::string& path);
  void forget(names::iterator which);

  names names_;
  std::size_t size_ = 0;
  bool is_full_ = false;
};

} // namespace alula::backup
