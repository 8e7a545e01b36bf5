/// Room set aside for the ledger: a file beside it that is given up when the
/// disk is full, so that "disk full" can still be written down (job-engine
/// B.3). Used by one thread at a time.
#pragma once

#include "jobs/result.hpp"

#include <cstdint>
#include <filesystem>

namespace alula::storage {

class ballast {
public:
  /// "<ledger>.ballast", `bytes` long; 0 for none. Touches nothing yet.
  ballast(const std::filesystem::path& ledger, std::int64_t bytes);

  /// Gives the room up. False when there is none to give.
  bool release();

  /// Takes the room again when the file system has three times as much. False
  /// when it has not, which is no fault.
  jobs::result<bool> restore();

  bool is_there() const { return held_ > 0; }

private:
  std::filesystem::path file_;
  std::int64_t bytes_;
  std::int64_t held_ = 0;
};

} // namespace alula::storage
