/// Reading beside the writer: a few read-only connections that several threads
/// share. Every call is one short read transaction, so that no reader keeps
/// the log from being copied back (user-pains C4, S1).
#pragma once

#include "jobs/ledger.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>

namespace alula::storage {

class sqlite_queries final : public jobs::queries {
public:
  /// The file is opened by the first call; the ledger must have begun by then.
  /// `connections` is how many calls can read at once; more wait.
  explicit sqlite_queries(std::filesystem::path file,
                          std::size_t connections = 4);
  ~sqlite_queries() override;

  jobs::result<std::optional<jobs::job_record>>
  find_job(const jobs::job_id& id) override;
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

private:
  class pool;
  std::unique_ptr<pool> pool_;
};

} // namespace alula::storage
