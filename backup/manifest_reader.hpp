/// Reads manifests, which are hostile until proven otherwise: everything is
/// bounded, and what does not fit together is a fault.
#pragma once

#include "backup/archive_writer.hpp"
#include "backup/file_descriptor.hpp"
#include "backup/manifest.hpp"
#include "jobs/archives.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::backup {

/// Only the facts: one read of at most 64 KiB. Faults: backup_damaged when it
/// is torn, damaged or of another version; io_error.
jobs::result<manifest_facts> read_manifest_facts(int manifest);

/// Belongs to one thread. A search decodes one block, a directory as many as
/// its own lines are in. Faults of all methods: backup_damaged, io_error.
class manifest_reader {
public:
  /// Reads header and index.
  static jobs::result<manifest_reader> open(file_descriptor manifest);

  ~manifest_reader();
  manifest_reader(manifest_reader&&) noexcept;
  manifest_reader& operator=(manifest_reader&&) noexcept;

  const manifest_facts& facts() const;

  /// Nothing when there is no entry of that path.
  jobs::result<std::optional<archive_entry>> find(std::string_view path);

  /// The entry whose content a hard link without its own shares; others are
  /// returned as they are. Nothing when there is none.
  jobs::result<std::optional<archive_entry>>
  find_content(std::string_view path);

  /// What is directly in the directory `path` (empty: the root), names after
  /// `after`, at most `limit`. Fault path_not_found when it is no directory.
  jobs::result<jobs::browse_page>
  browse(std::string_view path, std::string_view after, std::size_t limit);

  /// All entries in byte order of their paths, one per call; nothing at the
  /// end.
  jobs::result<std::optional<archive_entry>> next();

  /// The same as it stands there, not looked at; valid until the next call.
  jobs::result<std::optional<std::string_view>> next_line();

  /// Where the archive's gzip members begin; empty when it is not known.
  jobs::result<std::vector<member_position>> members();

  jobs::result<std::vector<jobs::file_note>> notes();

private:
  struct state;
  explicit manifest_reader(std::unique_ptr<state> held);
  std::unique_ptr<state> state_;
};

} // namespace alula::backup
