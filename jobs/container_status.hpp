/// What state a server's container is in, as those Panels are told that have a
/// call for it (docs/decisions/0024-container-status-by-choice.md).
#pragma once

#include "jobs/changes.hpp"
#include "jobs/ids.hpp"
#include "jobs/outbox.hpp"
#include "jobs/processes.hpp"

#include <optional>

namespace alula::jobs {

/// Such a Panel forgets a state after so long, and asks the node.
inline constexpr time_ms container_status_lasts = 3'600'000;

struct container_status {
  server_id server;
  process_state before = process_state::offline;
  process_state now = process_state::offline;
};

/// The report of it; is_container_status() is true of its subject.
tell_panel report_of(const container_status& what);

/// What such a report tells; nothing when it is none.
std::optional<container_status> container_status_of(const report& what);

} // namespace alula::jobs
