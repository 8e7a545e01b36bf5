/// The desk for tokens and the audit: keeps the tokens in memory, so that a
/// request is admitted without a look at the disk, and writes through the
/// ledger.
#pragma once

#include "actors/task_threads.hpp"
#include "jobs/access_desk.hpp"
#include "jobs/clock.hpp"
#include "jobs/ledger.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace alula::actors {

/// Ledger and queries outlive it.
class access_keeper final : public jobs::access_desk {
public:
  access_keeper(jobs::queries& queries, jobs::ledger& ledger,
                const jobs::clock& clock);
  ~access_keeper() override;

  /// Reads the tokens; until then there are none. After the ledger has begun.
  jobs::status load();

  /// load() went well.
  bool is_loaded() const { return loaded_; }

  /// Takes nothing more, and returns when the ledger has answered. Before the
  /// ledger's end.
  void stop();

  jobs::token_list tokens() const override;
  void list(std::function<void(jobs::result<std::vector<jobs::token_record>>)>
                done) override;
  void keep(jobs::token_record what,
            std::function<void(jobs::status)> done) override;
  void
  revoke(std::string id,
         std::function<void(jobs::result<jobs::token_record>)> done) override;
  void note_use(std::string id, jobs::time_ms at) override;
  void record(jobs::audit_record what) override;
  void
  list_audit(jobs::audit_filter filter, std::int64_t before, std::size_t limit,
             std::function<void(jobs::result<jobs::audit_page>)> done) override;

private:
  template<class T>
  void read(std::function<void(jobs::result<T>)> done,
            std::function<jobs::result<T>()> query);
  /// `done` on the ledger's thread; at once with a fault after stop().
  void amend(jobs::change what, std::function<void(jobs::status)> done);
  void replace(const jobs::token_record& what);

  jobs::queries& queries_;
  jobs::ledger& ledger_;
  const jobs::clock& clock_;
  mutable std::mutex mutex_; ///< over the next three
  jobs::token_list tokens_;
  bool stopped_ = false;
  std::size_t ledger_calls_ = 0;
  std::condition_variable changed_;
  std::atomic<bool> loaded_{false};
  std::atomic<std::size_t> unwritten_{0}; ///< audit rows with the ledger
  task_threads readers_;                  ///< last: it uses all of the above
};

} // namespace alula::actors
