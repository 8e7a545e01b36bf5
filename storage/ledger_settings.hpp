/// What the ledger may be told; every default is what is meant for a node.
#pragma once

#include "jobs/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace alula::storage {

struct ledger_settings {
  std::filesystem::path file; ///< made with its directory when missing
  std::string version = {};   ///< of alula, noted with each boot
  /// Given to a ledger that has none (store_mark.hpp); empty: none is given.
  std::string store_id = {};
  /// The node has a Panel: what it is to be told is kept (jobs/outbox.hpp).
  bool tells_panel = false;

  /// Calls that share one commit at most (job-engine B.4, measured).
  std::size_t group = 256;
  /// Accepts beyond this many waiting calls are refused (rate_limited).
  std::size_t max_waiting = 16'384;

  /// A file beside the database that is given up when the disk is full, so
  /// that the ledger can still write; 0 for none (job-engine B.3).
  std::int64_t ballast_bytes = 64 * 1024 * 1024;
  /// The log is copied back into the database from this size on.
  std::int64_t checkpoint_bytes = 4 * 1024 * 1024;
  /// Without calls for so long, the ledger cleans up.
  std::chrono::milliseconds idle_delay{500};
  std::chrono::milliseconds prune_interval{60'000};
  /// A job's progress is written at most so often.
  std::chrono::milliseconds progress_interval{5'000};

  /// Idempotency keys are kept so long, and as long as their job lives.
  std::chrono::milliseconds keys_kept = std::chrono::hours{24};
  std::chrono::milliseconds events_kept = std::chrono::hours{24 * 7};
  std::int64_t max_events = 2'000'000;
  /// Reports stay readable so long after they were delivered, or given up.
  std::chrono::milliseconds delivered_kept = std::chrono::hours{24 * 7};
  std::chrono::milliseconds dead_kept = std::chrono::hours{24 * 90};
  /// What was changed by whom.
  std::chrono::milliseconds audit_kept = std::chrono::hours{24 * 90};
  /// Tokens that are of no use any more stay on the list.
  std::chrono::milliseconds tokens_kept = std::chrono::hours{24 * 90};

  /// How long a boot after a crash may look for damage; what is not looked at
  /// by then is found when it is read.
  std::chrono::milliseconds check_limit{2'000};

  /// Called on the ledger's thread when a commit failed. Empty: the process
  /// ends at once with exit code 70. If it returns, every call from then on is
  /// refused with journal_unavailable.
  std::function<void(const jobs::fault&)> fatal = {};
};

} // namespace alula::storage
