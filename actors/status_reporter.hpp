/// Lets a Panel that has a call for it know which state each server's container
/// is in: a row of the outbox for each change (jobs/container_status.hpp).
///
/// A row is a hint, and one that a crash has lost is made good by the next
/// start: what the Panel was told last within the hour that it remembers is
/// compared with what the containers are found to be.
#pragma once

#include "actors/alarm_clock.hpp"
#include "jobs/changes.hpp"
#include "jobs/clock.hpp"
#include "jobs/ids.hpp"
#include "jobs/ledger.hpp"
#include "jobs/processes.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <vector>

namespace alula::actors {

struct status_settings {
  bool enabled = false; ///< else nothing is told
  /// Between two looks at containers that nobody has looked at yet.
  std::chrono::milliseconds look_every{5'000};
};

/// The ledger, its readers and the clock outlive it; the processes outlive its
/// stop().
class status_reporter {
public:
  status_reporter(status_settings settings, jobs::queries& queries,
                  jobs::ledger& ledger, const jobs::processes& processes,
                  const jobs::clock& clock, alarm_clock::reading uptime = {});
  ~status_reporter();
  status_reporter(const status_reporter&) = delete;
  status_reporter& operator=(const status_reporter&) = delete;

  /// Once, when the ledger has begun. Blocks for a read of it. Jobs that an
  /// earlier process has left may change states before.
  void start();

  /// Nothing is compared any more. What changes still is told as long as
  /// somebody says so.
  void stop();

  /// A server's state is another one. Any thread, one at a time for a server;
  /// does not block.
  void changed(const jobs::server_id& server, jobs::process_state before,
               jobs::process_state now);

  /// The clock was moved. For tests.
  void look() { alarms_.look(); }

private:
  void compare();
  void tell(std::vector<jobs::change> what);

  const status_settings settings_;
  jobs::queries& queries_;
  jobs::ledger& ledger_;
  const jobs::processes& processes_;
  const jobs::clock& clock_;

  /// Also over what is handed to the ledger, so that states keep their order.
  std::mutex mutex_;
  /// What an earlier process has told last, until the server's state is known.
  std::map<jobs::server_id, jobs::process_state> told_before_;
  jobs::time_ms compared_until_ = 0;
  bool has_begun_ = false;
  /// Until it has: what the ledger is read to have of them may be older.
  std::set<jobs::server_id> changed_before_;

  alarm_clock alarms_; ///< last: it uses all of the above
};

} // namespace alula::actors
