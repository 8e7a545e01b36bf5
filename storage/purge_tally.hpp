/// What earlier runs of a purge have removed. The tree that is left says what
/// is still to go; what is gone stands in a small file beside it, so that the
/// figures of a purge outlive a kill, a stop and a failed try.
#pragma once

#include "storage/file_system.hpp"

#include <cstdint>
#include <string>

namespace alula::storage {

/// The file of an entry of the trash. Nothing else there ends like it.
std::string tally_beside(const std::string& entry);

/// For one run, on one thread. The trash outlives it. A figure and no more:
/// what cannot be read counts as nothing, what cannot be written is not
/// missed, and nothing waits for the disk, so that a power cut may leave an
/// older one.
class purge_tally {
public:
  struct sums {
    std::int64_t entries = 0;
    std::int64_t bytes = 0;
  };

  purge_tally(const directory& trash, const std::string& entry);

  /// What was removed before this run.
  const sums& before() const { return before_; }

  /// What is removed by now, with all that was before.
  void keep(const sums& so_far);

private:
  const directory& trash_;
  std::string name_;
  sums before_;
  file_descriptor file_;
};

} // namespace alula::storage
