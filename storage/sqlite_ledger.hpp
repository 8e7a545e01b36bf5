/// The ledger on SQLite: one thread, the only connection that writes, group
/// commit (job-engine B.1, B.4).
///
/// Beyond jobs::ledger: an accept is refused with rate_limited, on the caller's
/// thread, when `max_waiting` calls are in line; a call after end() is refused
/// with shutting_down. Destroyed without end() it stops after the commit it is
/// at and leaves the boot unclean, as a crash would.
#pragma once

#include "jobs/clock.hpp"
#include "jobs/ledger.hpp"
#include "storage/ledger_settings.hpp"

#include <memory>

namespace alula::storage {

class sqlite_ledger final : public jobs::ledger {
public:
  /// Touches nothing yet. The data directory is locked by the caller
  /// (storage/data_lock.hpp) for as long as the ledger lives.
  sqlite_ledger(ledger_settings settings, const jobs::clock& clock);
  ~sqlite_ledger() override;

  jobs::result<jobs::recovery> begin(jobs::commit_listener& listener) override;
  void accept(jobs::acceptance what,
              std::function<void(jobs::result<jobs::accepted>)> done) override;
  void save(jobs::save what,
            std::function<void(jobs::result<jobs::job_record>)> done) override;
  void amend(std::vector<jobs::change> what,
             std::function<void(jobs::status)> done) override;
  void burn_token(std::string id, jobs::time_ms expires_at,
                  std::function<void(jobs::result<bool>)> done) override;
  void save_progress(std::int64_t job_row, jobs::progress what) override;
  void forget(jobs::job_id id, std::function<void(jobs::status)> done) override;
  void ending() override;
  void end() override;

  /// Bytes of the write-ahead log after the last commit. Any thread.
  std::int64_t log_bytes() const;

private:
  class writer;
  std::unique_ptr<writer> writer_;
};

} // namespace alula::storage
