/// One alula per data directory: two writers of one ledger would be the end of
/// both (design 3, SQLite).
#pragma once

#include "jobs/result.hpp"
#include "storage/file_system.hpp"

#include <filesystem>

namespace alula::storage {

/// flock(2) of "alula.lock" in the directory; held until destroyed or until
/// the process is gone, however it ends.
class data_lock {
public:
  /// Makes the directory when it is missing. Does not wait. Fault
  /// journal_unavailable: another process holds it (its id is in the sentence).
  static jobs::result<data_lock> acquire(const std::filesystem::path& dir);

private:
  explicit data_lock(file_descriptor held) : held_(std::move(held)) {}
  file_descriptor held_;
};

} // namespace alula::storage
