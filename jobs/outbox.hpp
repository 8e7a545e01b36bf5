/// What the Panel is to be told: reports. Each is a row that was written in
/// the commit of the outcome it tells, so none is forgotten and none is made
/// up. Reports of one subject are delivered in the order they were written;
/// subjects do not wait for each other.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

enum class report_state {
  behind,    ///< an earlier one of its subject has not ended
  waiting,   ///< to be tried at `next_at`
  delivered, ///< the Panel has taken it, or had it already
  dead,      ///< given up: an operator has to look
  /// The Panel has no such server or backup (any more). In the schema it is
  /// `delivered` with an error: nobody has to look, and nothing is told.
  moot,
};

/// "container:<uuid>": what state a container is in
/// (jobs/container_status.hpp). That is a hint and no outcome, true until the
/// next: of a subject only the newest is on record, one that waits gives way to
/// it, and none counts in figures.
bool is_container_status(std::string_view subject);

std::string_view to_string(report_state s);
std::optional<report_state> parse_report_state(std::string_view text);

struct report {
  std::int64_t row = 0; ///< the order, and its number in the API
  std::string subject;  ///< "backup:<uuid>", "server:<uuid>", …
  job_id job;           ///< whose outcome it is, or empty
  server_id server;     ///< of that job, or empty
  std::string method;
  std::string path; ///< below /api/remote
  std::string body; ///< JSON, never a secret
  report_state state = report_state::waiting;
  int tries = 0;
  int http_status = 0; ///< of the last try; 0: none, or no answer
  std::string error;   ///< why the last try was not taken
  time_ms created_at = 0;
  time_ms next_at = 0;
  time_ms tried_at = 0;
  time_ms ended_at = 0;
};

enum class report_group {
  open, ///< behind and waiting
  dead,
  unsettled, ///< both of the above, without states of containers
  all,
};

/// By row, oldest first, strictly after `after`.
struct report_page {
  std::vector<report> items;
  std::int64_t next_after = 0; ///< 0: no more
};

/// Without states of containers.
struct outbox_figures {
  std::int64_t open = 0; ///< behind and waiting
  std::int64_t dead = 0;
  time_ms oldest_open_at = 0; ///< when the oldest open one was written, or 0
};

/// What the courier and the API read of the ledger: a part of jobs::queries.
class report_records {
public:
  virtual ~report_records() = default;
  /// Waiting ones whose time has come, the longest due first; no states of
  /// containers.
  virtual result<std::vector<report>> list_due_reports(time_ms now,
                                                       std::size_t limit) = 0;
  /// States of containers whose time has come, in no order of theirs.
  virtual result<std::vector<report>> list_due_statuses(time_ms now,
                                                        std::size_t limit) = 0;
  /// The newest state of each container that is on record, told or not.
  virtual result<std::vector<report>> list_statuses() = 0;
  /// When the next waiting one is due, later than `after`, of whichever sort;
  /// 0: none.
  virtual result<time_ms> next_report_at(time_ms after) = 0;
  virtual result<report_page>
  list_reports(report_group which, std::int64_t after, std::size_t limit) = 0;
  virtual result<outbox_figures> count_reports() = 0;
};

/// What the front door may ask about reports. Every method returns at once,
/// from any thread; the callback comes exactly once and must not block.
class outbox_desk {
public:
  virtual ~outbox_desk() = default;
  virtual void list(report_group which, std::int64_t after, std::size_t limit,
                    std::function<void(result<report_page>)> done) = 0;
  /// From memory, a moment old at most.
  virtual outbox_figures figures() const = 0;
};

} // namespace alula::jobs
