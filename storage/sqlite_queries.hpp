/// Reading beside the writer: a few read-only connections that several threads
/// share. Every call is one short read transaction, so that no reader keeps
/// the log from being copied back (user-pains C4, S1).
#pragma once

#include "jobs/clock.hpp"
#include "jobs/ledger.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>

namespace alula::storage {

class sqlite_queries final : public jobs::queries {
public:
  /// The file is opened by the first call; the ledger must have begun by then.
  /// `connections` is how many calls can read at once; more wait.
  sqlite_queries(std::filesystem::path file, const jobs::clock& clock,
                 std::size_t connections = 4);
  ~sqlite_queries() override;

  jobs::result<std::optional<jobs::job_record>>
  find_job(const jobs::job_id& id) override;
  jobs::result<std::optional<jobs::server_record>>
  find_server(const jobs::server_id& id) override;
  jobs::result<jobs::job_page> list_jobs(const jobs::job_filter& filter,
                                         std::int64_t before,
                                         std::size_t limit) override;
  jobs::result<jobs::event_page> events_after(std::int64_t seq,
                                              const jobs::event_filter& filter,
                                              std::size_t limit) override;
  jobs::result<std::vector<jobs::trash_entry>> list_trash() override;
  jobs::result<std::optional<jobs::job_record>>
  find_by_key(const jobs::idempotency& key) override;
  jobs::result<std::optional<jobs::progress>>
  find_progress(std::int64_t job_row) override;
  jobs::result<std::optional<jobs::backup_record>>
  find_backup(const jobs::backup_id& uuid) override;
  jobs::result<jobs::backup_page>
  list_backups(const jobs::backup_filter& filter, std::int64_t before,
               std::size_t limit) override;
  jobs::result<std::optional<jobs::replaced_tree>>
  find_replaced(const jobs::job_id& replaced_by) override;
  jobs::result<std::vector<jobs::replaced_tree>>
  list_due_replaced(jobs::time_ms now, std::size_t limit) override;
  jobs::result<std::vector<jobs::schedule_entry>> list_schedules() override;
  jobs::result<std::optional<jobs::transfer_record>>
  find_transfer(const jobs::job_id& job) override;
  jobs::result<std::vector<jobs::remote_remains>>
  list_remains(std::size_t limit) override;
  jobs::result<std::vector<jobs::backup_record>>
  list_settled_scratch(std::size_t limit) override;
  jobs::result<std::vector<jobs::report>>
  list_due_reports(jobs::time_ms now, std::size_t limit) override;
  jobs::result<std::vector<jobs::report>>
  list_due_statuses(jobs::time_ms now, std::size_t limit) override;
  jobs::result<std::vector<jobs::report>> list_statuses() override;
  jobs::result<jobs::time_ms> next_report_at(jobs::time_ms after) override;
  jobs::result<jobs::report_page> list_reports(jobs::report_group which,
                                               std::int64_t after,
                                               std::size_t limit) override;
  jobs::result<jobs::outbox_figures> count_reports() override;
  jobs::result<std::optional<jobs::system_record>>
  find_system(std::string_view id) override;
  jobs::result<std::vector<jobs::listed_system>>
  list_systems(std::string_view after, std::size_t limit) override;
  jobs::result<std::optional<jobs::system_backup_record>>
  find_system_backup(std::string_view id) override;
  jobs::result<std::vector<jobs::system_backup_record>>
  list_system_backups(std::string_view system) override;
  jobs::result<std::vector<jobs::system_backup_record>>
  list_system_uploads(std::size_t limit) override;
  jobs::result<std::vector<jobs::token_record>> list_tokens() override;
  jobs::result<jobs::audit_page> list_audit(const jobs::audit_filter& filter,
                                            std::int64_t before,
                                            std::size_t limit) override;

private:
  class pool;
  std::unique_ptr<pool> pool_;
  const jobs::clock& clock_;
};

} // namespace alula::storage
