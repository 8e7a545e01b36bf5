/// What steps may use of other machines' storage.
#pragma once

#include "jobs/object_store.hpp"
#include "jobs/signed_links.hpp"
#include "jobs/transfers.hpp"

#include <chrono>
#include <cstdint>

namespace alula::jobs {

struct upload_rules {
  int parallel = 3; ///< parts under way at once
  /// Whether archives for the Panel's store go there while they are made,
  /// instead of to the disk first.
  bool stream = false;
  /// Whether a store of ours gets a copy of what goes to the Panel's: made from
  /// the local archive, so such backups are not streamed.
  bool are_copied = false;
  /// Bytes of parts in memory at once when streaming; a Panel that wants larger
  /// parts gets its archives by way of the disk.
  /// With 13 MiB for what makes the archive that is less than the 64 MiB a
  /// backup may cost (bench/uploads).
  std::int64_t stream_memory = std::int64_t{40} << 20;
  /// How much larger than it was counted a tree may be once it is read, besides
  /// a tenth: parts are asked for before the archive is made.
  std::int64_t stream_slack = std::int64_t{64} << 20;
  int tries = 8; ///< of one part, in a row
  /// Between two tries: drawn, doubling up to the second.
  std::chrono::milliseconds first_wait{500};
  std::chrono::milliseconds longest_wait{30'000};
  /// Links are asked for anew this long before they expire.
  std::chrono::milliseconds margin{30'000};
};

class node_links;

/// Owned by app/node; outlives the engine.
struct far_places {
  signed_links& links;
  object_stores& stores;
  transfer_journal& journal;
  upload_rules rules = {};
  node_links* nodes = nullptr; ///< null: this node sends its servers nowhere
};

} // namespace alula::jobs
