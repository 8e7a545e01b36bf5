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

  /// Takes the room again when the file system has room_needed() to spare.
  /// False when it has not, which is no fault.
  jobs::result<bool> restore();

  bool is_there() const { return held_ > 0; }
  /// What it is to hold.
  std::int64_t bytes() const { return bytes_; }
  /// So many bytes must be free before it takes any: three times as many.
  std::int64_t room_needed() const;
  /// Bytes that are free where the ledger lies. Fault io_error.
  jobs::result<std::int64_t> free_room() const;

private:
  std::filesystem::path file_;
  std::int64_t bytes_;
  std::int64_t held_ = 0;
};

} // namespace alula::storage
