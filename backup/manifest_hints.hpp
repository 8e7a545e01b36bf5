/// What a manifest adds to the entries of the archive it belongs to, taken
/// from it in step with them.
#pragma once

#include "backup/entry_checks.hpp"
#include "backup/extractor.hpp"

#include <functional>
#include <string>

namespace alula::backup {

/// What an entry has besides what the tar says.
struct entry_hint {
  std::string same_as; ///< path of the file it is another name of, or empty
  std::int64_t mtime_ns = 0;
  bool is_sparse = false;
};

/// A directory that is finished when everything is in it.
struct known_directory {
  std::string path;
  std::uint32_t mode = 0;
  std::int64_t mtime_ns = 0;
};

/// Belongs to one thread. As soon as the manifest and the archive differ it is
/// not looked at again.
class manifest_hints {
public:
  /// Takes the directories of the manifest, one by one; its fault ends the call
  /// in which it is asked.
  using directory_sink = std::function<jobs::status(known_directory)>;

  manifest_hints(manifest_cursor cursor, jobs::extraction_limits limits,
                 directory_sink take)
    : cursor_(std::move(cursor)), limits_(limits), take_(std::move(take)) {}

  /// For each file and link of the archive, in order, after the directories
  /// that the manifest has before it.
  jobs::result<entry_hint> next(const tar_entry& entry, std::string_view path);

  /// Directories after the last entry.
  jobs::status finish();

  /// The manifest is not that of this archive.
  bool is_foreign() const { return is_foreign_; }

private:
  jobs::status take_directory(const archive_entry& it);
  void give_up();

  manifest_cursor cursor_;
  jobs::extraction_limits limits_;
  directory_sink take_;
  bool is_foreign_ = false;
};

} // namespace alula::backup
