/// The three things that can be done to jobs, as statements. Every call runs
/// in a savepoint of its own: when it returns a fault, the caller undoes it.
#pragma once

#include "jobs/clock.hpp"
#include "jobs/ledger.hpp"
#include "storage/ledger_settings.hpp"
#include "storage/sqlite.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace alula::storage {

class server_changes;

/// What a commit has to tell the listener.
struct ledger_news {
  std::vector<jobs::event> events;
  std::vector<jobs::job_record> jobs;
  std::vector<jobs::server_ptr> servers;
  std::vector<jobs::job_id> forgotten;

  bool empty() const;
  void append(ledger_news&& more);
};

class job_store {
public:
  /// `last_job_row` is the highest row that was ever given out.
  job_store(database& on, const jobs::clock& clock,
            const ledger_settings& settings, std::int64_t last_job_row)
    : on_(on), clock_(clock), keys_kept_(settings.keys_kept),
      tells_panel_(settings.tells_panel), last_job_row_(last_job_row) {}

  // Faults as in jobs::ledger, and those of storage/sqlite.hpp.
  jobs::result<jobs::accepted> accept(const jobs::acceptance& what,
                                      ledger_news& news);
  jobs::result<jobs::job_record> save(const jobs::save& what,
                                      ledger_news& news);
  jobs::status forget(const jobs::job_id& id, ledger_news& news);
  jobs::status amend(const std::vector<jobs::change>& what, ledger_news& news);
  jobs::result<bool> burn_token(std::string_view id, jobs::time_ms expires_at);
  jobs::status write_progress(std::int64_t job_row, const jobs::progress& p);

private:
  jobs::status check_unneeded(const jobs::job_id& id);
  jobs::result<std::optional<jobs::accepted>>
  find_earlier(const jobs::acceptance& what);
  jobs::result<jobs::accepted> accept_new(const jobs::acceptance& what,
                                          ledger_news& news);
  jobs::status remember_key(const std::optional<jobs::idempotency>& key,
                            std::int64_t job_row);
  jobs::status insert(const jobs::job_record& job);
  jobs::status explain_insert(const jobs::job_record& job, jobs::fault why);
  jobs::status take_locks(const jobs::job_record& job,
                          const std::vector<jobs::lock_request>& locks);
  jobs::status check_version(const jobs::job_record& after);
  jobs::status update_steps(const jobs::job_record& after);
  jobs::status update(const jobs::job_record& after);
  jobs::status tell_events(const jobs::job_record& job,
                           const std::vector<jobs::event_draft>& drafts,
                           ledger_news& news);
  jobs::status tell_reports(const server_changes& changes, ledger_news& news);
  jobs::status tell_servers(const server_changes& changes, ledger_news& news);
  jobs::result<jobs::job_record> read(std::int64_t job_row);

  database& on_;
  const jobs::clock& clock_;
  std::chrono::milliseconds keys_kept_;
  bool tells_panel_;
  std::int64_t last_job_row_;
};

} // namespace alula::storage
