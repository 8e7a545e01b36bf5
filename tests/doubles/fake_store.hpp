/// What a ledger on disk would hold, in memory, and the rules it refuses by.
/// Outlives the fake ledgers that open it, as a database outlives processes.
#pragma once

#include "jobs/ledger.hpp"
#include "tests/doubles/fake_access_changes.hpp"
#include "tests/doubles/fake_backup_changes.hpp"
#include "tests/doubles/fake_life_changes.hpp"
#include "tests/doubles/fake_outbox.hpp"
#include "tests/doubles/fake_place_changes.hpp"
#include "tests/doubles/fake_pool_changes.hpp"
#include "tests/doubles/fake_server_changes.hpp"
#include "tests/doubles/fake_system_changes.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace alula::doubles {

class fake_store : public fake_backup_rows,
                   public fake_outbox_rows,
                   public fake_place_rows,
                   public fake_system_rows,
                   public fake_access_rows,
                   private fake_backup_changes<fake_store>,
                   private fake_outbox_changes<fake_store>,
                   private fake_place_changes<fake_store>,
                   private fake_life_changes<fake_store>,
                   private fake_pool_changes<fake_store>,
                   private fake_server_changes<fake_store>,
                   private fake_system_changes<fake_store>,
                   private fake_access_changes<fake_store> {
  friend class fake_backup_changes<fake_store>;
  friend class fake_outbox_changes<fake_store>;
  friend class fake_place_changes<fake_store>;
  friend class fake_life_changes<fake_store>;
  friend class fake_pool_changes<fake_store>;
  friend class fake_server_changes<fake_store>;
  friend class fake_system_changes<fake_store>;
  friend class fake_access_changes<fake_store>;

public:
  struct server_row {
    jobs::server_record record;
    bool suspended_before = false; ///< the delete
  };
  struct trash_row {
    jobs::trash_entry entry;
    std::int64_t claimed_by = 0;
  };
  struct key_row {
    std::string fingerprint;
    jobs::job_id job;
  };
  using now_ms = jobs::time_ms;

  std::mutex mutex; ///< over everything below
  std::map<std::int64_t, jobs::job_record> jobs;
  std::map<jobs::job_id, std::int64_t> row_of;
  std::set<std::int64_t> live; ///< rows of jobs that have not ended
  std::map<std::string, std::int64_t> lane_owner;  ///< lanes of servers
  std::map<std::string, std::int64_t> natural_key; ///< of live jobs
  std::map<std::int64_t, server_row> servers;
  std::map<jobs::server_id, std::int64_t> live_server;
  std::map<jobs::job_id, trash_row> trash;
  std::map<std::string, std::map<std::int64_t, bool>> locks;
  std::map<std::pair<std::string, std::string>, key_row> keys;
  std::map<std::int64_t, jobs::progress> progress;
  std::map<std::string, jobs::pool_pause> paused_pools;
  std::vector<jobs::event> events;
  std::int64_t boot = 0;
  bool clean = true;
  std::set<std::int64_t> ended_boots;
  std::int64_t last_job = 0, last_server = 0;

  // -- one call, all or nothing ----------------------------------------------

  jobs::result<jobs::accepted> accept(const jobs::acceptance& what, now_ms now);
  jobs::result<jobs::job_record> save(const jobs::save& what, now_ms now);
  jobs::status amend(const std::vector<jobs::change>& what, now_ms now);
  jobs::status forget(const jobs::job_id& id);

  jobs::result<std::optional<jobs::job_record>>
  find_by_key(const jobs::idempotency& key) const;

  /// What the call wrote, for the listener; empty after a refusal.
  std::vector<jobs::event> new_events;
  std::vector<jobs::job_record> new_jobs;
  std::vector<jobs::server_ptr> new_servers;

private:
  using check = jobs::status;

  bool is_needed(const jobs::job_id& id, std::int64_t row) const;

  template<class T, class Call>
  jobs::result<T> whole(Call call) {
    undo_.clear();
    const auto events_before = events.size();
    const auto before =
        std::tuple{new_events.size(), new_jobs.size(), new_servers.size()};
    auto outcome = call();
    if (outcome)
      return outcome;
    for (auto i = undo_.size(); i-- > 0;)
      undo_[i]();
    events.resize(events_before);
    new_events.resize(std::get<0>(before));
    new_jobs.resize(std::get<1>(before));
    new_servers.resize(std::get<2>(before));
    return outcome;
  }

  /// Sets `place` for this call; a refusal later in the call takes it back.
  template<class Map, class Key, class Value>
  void put(Map& map, const Key& key, Value value) {
    const auto old = map.find(key);
    if (old == map.end())
      undo_.push_back([&map, key] { map.erase(key); });
    else
      undo_.push_back([&map, key, before = old->second] { map[key] = before; });
    map[key] = std::move(value);
  }
  template<class Map, class Key>
  void drop(Map& map, const Key& key) {
    const auto old = map.find(key);
    if (old == map.end())
      return;
    undo_.push_back([&map, key, before = old->second] { map[key] = before; });
    map.erase(old);
  }

  static jobs::fault locked_by(const jobs::job_record& job) {
    return {.code = jobs::fault_code::server_locked,
            .what = job.kind + " " + job.id.to_string() + " is in the way",
            .in_the_way = job.id.to_string()};
  }
  static jobs::fault refused(std::string what) {
    return {.code = jobs::fault_code::internal, .what = std::move(what)};
  }

  // -- accept -----------------------------------------------------------------

  jobs::result<jobs::accepted> accept_inside(const jobs::acceptance& what,
                                             now_ms now);

  /// What the job that is tried again has left is the new one's.
  void inherit(const jobs::job_record& job, now_ms now);

  /// A server that is being deleted takes nothing new.
  check admit(const jobs::job_record& job, const jobs::acceptance& what);

  // -- save -------------------------------------------------------------------

  jobs::result<jobs::job_record> save_inside(const jobs::save& what,
                                             now_ms now);

  check check_boot(const jobs::job_record& before,
                   const jobs::job_record& after) const;
  static check check_record(const jobs::job_record& before,
                            const jobs::job_record& after);
  check check_lane(const jobs::job_record& job) const;
  check take_locks(const jobs::job_record& job,
                   const std::vector<jobs::lock_request>& wanted);

  /// What an ended job held is free.
  void let_go(const jobs::job_record& job, now_ms now);

  // -- changes ----------------------------------------------------------------

  check change_all(jobs::job_record& job,
                   const std::vector<jobs::change>& changes, now_ms now);

  using fake_backup_changes<fake_store>::apply;
  using fake_outbox_changes<fake_store>::apply;
  using fake_place_changes<fake_store>::apply;
  using fake_life_changes<fake_store>::apply;
  using fake_pool_changes<fake_store>::apply;
  using fake_server_changes<fake_store>::apply;
  using fake_system_changes<fake_store>::apply;
  using fake_access_changes<fake_store>::apply;

  // -- writing ----------------------------------------------------------------

  void store(const jobs::job_record& job);
  void store(server_row server, now_ms now);
  void tell(const jobs::job_record& job, const jobs::event_draft& e,
            now_ms now);
  std::int64_t next_seq() const {
    return events.empty() ? 1 : events.back().seq + 1;
  }

  std::vector<std::function<void()>> undo_;
};

} // namespace alula::doubles
