/// The entries of a manifest in the order of its archive: what a restore reads
/// beside the tar.
#pragma once

#include "backup/archive_writer.hpp"
#include "backup/entry_sort.hpp"
#include "backup/manifest_reader.hpp"
#include "jobs/result.hpp"

#include <optional>
#include <stop_token>

namespace alula::backup {

/// Belongs to one thread. Memory is bounded (entry_sort).
class manifest_order {
public:
  /// Reads all of `from`. Faults: those of the reader and of the spool,
  /// interrupted.
  static jobs::result<manifest_order> of(manifest_reader& from,
                                         spool_maker make_spool,
                                         const std::stop_token& stop);

  /// Null at the end; valid until the next call. Faults: backup_damaged,
  /// io_error.
  jobs::result<const archive_entry*> next();

private:
  explicit manifest_order(entry_sort sorted) : sorted_(std::move(sorted)) {}

  entry_sort sorted_;
  std::optional<archive_entry> current_;
};

} // namespace alula::backup
