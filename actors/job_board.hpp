/// What pollers see: an immutable picture of every live job, of the jobs that
/// ended last, and of every live server, all in memory. Written on the ledger
/// thread with each commit, before anybody is told of it, so that whoever was
/// told reads what was told.
#pragma once

#include "jobs/engine.hpp"
#include "jobs/ledger.hpp"

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace alula::actors {

/// Any thread may read; nothing here blocks for longer than a copy of a
/// pointer takes.
class job_board {
public:
  /// The newest `ended_kept` ended jobs stay.
  explicit job_board(std::size_t ended_kept) : ended_kept_(ended_kept) {}

  /// Boot: before anything else.
  void fill(const jobs::recovery& found);

  /// Older versions of what is there are ignored. Returns the new pictures, in
  /// the order of the records.
  std::vector<jobs::job_view_ptr>
  apply(const std::vector<jobs::job_record>& records,
        const std::vector<jobs::server_ptr>& servers);
  void forget(const std::vector<jobs::job_id>& ended);

  /// The new picture; null when the job is not live.
  jobs::job_view_ptr show_progress(const jobs::job_id& id,
                                   const jobs::progress& p);

  jobs::job_view_ptr peek(const jobs::job_id& id) const;
  /// As peek, for whoever has read this version in the ledger, where it is a
  /// moment before it is here: waits for that moment, so that nobody is told
  /// of a job what its server does not show yet. May be older when `limit` is
  /// over.
  jobs::job_view_ptr await_version(const jobs::job_id& id, std::int64_t version,
                                   std::chrono::milliseconds limit) const;
  /// All live jobs of one incarnation of a server (0: of none), oldest first.
  std::vector<jobs::job_record> live_jobs(std::int64_t server_row) const;
  std::vector<jobs::job_record> live_jobs() const;

  jobs::server_ptr find_server(const jobs::server_id& id) const;
  std::vector<jobs::server_ptr> list_servers() const;

  /// Fills in everything but the pools.
  void count(jobs::summary& into) const;

private:
  struct entry {
    jobs::job_view_ptr view;
    std::int64_t progress_revision = 0;
  };
  struct shard {
    mutable std::shared_mutex mutex;
    std::unordered_map<jobs::job_id, entry> jobs;
  };

  using wait = std::pair<jobs::time_ms, std::int64_t>; ///< since, row

  shard& shard_of(const jobs::job_id& id) const;
  template<class Wanted>
  std::vector<jobs::job_record> live_ones(Wanted wanted) const;
  jobs::job_view_ptr show(const jobs::job_record& record);
  void show_server(const jobs::server_ptr& server);
  static wait wait_of(const jobs::job_record& job);
  void keep_count(const jobs::job_record* before, const jobs::job_record& after,
                  bool at_boot);
  void keep_ended(const jobs::job_id& id);

  mutable std::array<shard, 16> shards_;

  mutable std::shared_mutex servers_mutex_;
  std::unordered_map<jobs::server_id, jobs::server_ptr> servers_;

  mutable std::mutex applied_mutex_;
  mutable std::condition_variable applied_;
  std::uint64_t applies_ = 0;

  const std::size_t ended_kept_;
  mutable std::mutex counters_mutex_;
  std::deque<jobs::job_id> ended_;
  std::map<std::pair<std::string, jobs::job_state>, std::int64_t> counts_;
  std::set<wait> waiting_;
  std::int64_t ended_since_boot_ = 0;
};

} // namespace alula::actors
