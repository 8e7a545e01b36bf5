/// A database copied aside, so that the game waits for the copying only and not
/// for all that is slow afterwards: compressing, limits, other disks.
#pragma once

#include "backup/database_files.hpp"
#include "backup/entry_sort.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <sys/stat.h>

namespace alula::backup {

struct database_place {
  int file; ///< the database, open for reading
  journal_mode mode;
  int parent;
  const char* name;
};

struct copy_settings {
  spool_maker make_spool;
  /// How long to wait for a writer to finish.
  std::chrono::milliseconds patience{2'000};
  /// How long a writer may be kept waiting at its commit. Games give up after a
  /// few seconds. In write-ahead mode nobody waits, and there is no limit.
  std::chrono::milliseconds longest_hold{3'000};
  /// Called before `size` bytes are read while nobody waits; false: stop.
  std::function<bool(std::uint64_t size)> pass = {};
  /// A sign of life, at least once per MiB.
  std::function<void()> tell = {};
};

struct database_copy {
  file_descriptor database;   ///< a spool
  struct stat seen {};        ///< of the original; the size is the copy's
  std::string companion_name; ///< empty: there is none
  file_descriptor companion;
  struct stat companion_seen {};
  std::string doubt; ///< why the copy may be torn; empty: it is whole
};

/// Copies the database and what belongs to it (database_hold::companion). A
/// large database in rollback mode is copied first without a lock; under it
/// only what has changed since is written again, so that the lock lasts as long
/// as comparing takes. On a file system that can, the copy is a clone.
///
/// Blocks. Faults: interrupted, insufficient_storage (no room for the copy),
/// io_error (also when what belongs to it is there and cannot be opened).
jobs::result<database_copy> copy_database(const database_place& from,
                                          const copy_settings& settings,
                                          const std::stop_token& stop);

} // namespace alula::backup
