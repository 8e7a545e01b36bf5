/// How a process that cannot write its ledger any more leaves word that it
/// ended on purpose, so that the next one does not take that for a crash of the
/// jobs that ran (job-engine C.6).
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace alula::storage {

/// "<ledger>.last-words": one block that is there, and open, before it is
/// needed. It is overwritten in its place, which takes no room on a disk that
/// is full and no descriptor. Used by one thread at a time.
class last_words {
public:
  explicit last_words(const std::filesystem::path& ledger);

  struct end {
    std::int64_t boot = 0;
    jobs::time_ms at = 0;
  };
  /// What an earlier process said last; nothing when it said nothing that can
  /// be read.
  std::optional<end> heard() const;

  /// Makes the file when it is missing, durably, and holds it open.
  jobs::status prepare();

  /// This boot ends now and on purpose. Best effort: on a disk that takes no
  /// write at all the end looks like a crash.
  void say(const end& what) noexcept;

private:
  std::filesystem::path file_;
  file_descriptor fd_;
};

} // namespace alula::storage
