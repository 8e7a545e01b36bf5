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

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <variant>
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

  jobs::status forget(const jobs::job_id& id) {
    const auto row = row_of.find(id);
    if (row == row_of.end())
      return jobs::fault{.code = jobs::fault_code::job_not_found,
                         .what = "no such job"};
    if (live.contains(row->second))
      return jobs::fault{.code = jobs::fault_code::job_not_ended,
                         .what = "the job is live"};
    if (is_needed(id, row->second))
      return jobs::fault{.code = jobs::fault_code::job_needed,
                         .what = "the job is still needed"};
    jobs.erase(row->second);
    row_of.erase(row);
    return {};
  }

  jobs::result<std::optional<jobs::job_record>>
  find_by_key(const jobs::idempotency& key) const {
    const auto known = keys.find({key.principal, key.key});
    if (known == keys.end())
      return std::optional<jobs::job_record>{};
    if (known->second.fingerprint != key.fingerprint)
      return jobs::fault{.code = jobs::fault_code::idempotency_mismatch,
                         .what = "the key was used for another request"};
    const auto row = row_of.find(known->second.job);
    if (row == row_of.end())
      return jobs::fault{.code = jobs::fault_code::job_expired,
                         .what = "the job of the key is forgotten"};
    return std::optional{jobs.at(row->second)};
  }

  /// What the call wrote, for the listener; empty after a refusal.
  std::vector<jobs::event> new_events;
  std::vector<jobs::job_record> new_jobs;
  std::vector<jobs::server_ptr> new_servers;

private:
  using check = jobs::status;

  bool is_needed(const jobs::job_id& id, std::int64_t row) const {
    return trash.contains(id) || replaced.contains(id)
           || std::ranges::any_of(
               servers,
               [&](const auto& s) { return s.second.record.owner_job == row; })
           || std::ranges::any_of(reports, [&](const auto& r) {
                return r.second.job == id && r.second.ended_at == 0
                       && r.second.path != "/activity";
              });
  }

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
                                             now_ms now) {
    const auto key = what.key ? std::pair{what.key->principal, what.key->key}
                              : std::pair<std::string, std::string>{};
    if (what.key && keys.contains(key)) {
      const auto& known = keys.at(key);
      if (known.fingerprint != what.key->fingerprint)
        return jobs::fault{.code = jobs::fault_code::idempotency_mismatch,
                           .what = "the key was used for another request"};
      if (!row_of.contains(known.job))
        return jobs::fault{.code = jobs::fault_code::job_expired,
                           .what = "the job of the key is forgotten"};
      return jobs::accepted{jobs.at(row_of.at(known.job)),
                            jobs::accept_outcome::replayed};
    }
    const auto remember = [&](const jobs::job_id& id) {
      if (what.key)
        put(keys, key, key_row{what.key->fingerprint, id});
    };
    if (const auto same = natural_key.find(what.job.dedup_key);
        same != natural_key.end()) {
      remember(jobs.at(same->second).id);
      return jobs::accepted{jobs.at(same->second),
                            jobs::accept_outcome::joined};
    }
    if (row_of.contains(what.job.id))
      return refused("two jobs of one id");
    auto job = what.job;
    job.row = ++last_job;
    job.version = 1;
    if (auto room = admit(job, what); !room)
      return std::move(room).error();
    inherit(job, now);
    if (auto done = change_all(job, what.changes, now); !done)
      return std::move(done).error();
    const auto suffix = job.lane.empty() ? "" : ":" + job.lane;
    job.lane = job.server_row == 0
                   ? "node"
                   : "server:" + std::to_string(job.server_row) + suffix;
    if (auto taken = take_locks(job, what.locks); !taken)
      return std::move(taken).error();
    store(job);
    put(row_of, job.id, job.row);
    remember(job.id);
    tell(job, {"job.accepted", R"({"state":"queued"})"}, now);
    return jobs::accepted{job, jobs::accept_outcome::created};
  }

  /// What the job that is tried again has left is the new one's.
  void inherit(const jobs::job_record& job, now_ms now) {
    const auto before = row_of.find(job.retry_of);
    if (before == row_of.end() || live.contains(before->second))
      return;
    std::vector<server_row> left;
    for (const auto& [row, server] : servers)
      if (server.record.owner_job == before->second)
        left.push_back(server);
    for (auto& server : left) {
      server.record.owner_job = job.row;
      store(server, now);
    }
  }

  /// A server that is being deleted takes nothing new.
  check admit(const jobs::job_record& job, const jobs::acceptance& what) {
    if (job.server_row == 0)
      return {};
    const auto& server = servers.at(job.server_row).record;
    const bool claims =
        std::ranges::any_of(what.changes, [](const jobs::change& c) {
          return std::holds_alternative<jobs::claim_trash>(c)
                 || std::holds_alternative<jobs::adopt_trash>(c);
        });
    if (server.state == jobs::server_state::deleting && !claims
        && live.contains(server.owner_job))
      return locked_by(jobs.at(server.owner_job));
    if (server.state == jobs::server_state::deleted && !claims)
      return jobs::fault{.code = jobs::fault_code::server_not_found,
                         .what = "the server is deleted"};
    return {};
  }

  // -- save -------------------------------------------------------------------

  jobs::result<jobs::job_record> save_inside(const jobs::save& what,
                                             now_ms now) {
    auto job = what.after;
    const auto known = jobs.find(job.row);
    if (known == jobs.end() || !live.contains(job.row))
      return refused("no such live job");
    const auto before = known->second;
    if (job.version != before.version + 1)
      return refused("version must step by one");
    if (job.state != before.state && !may_follow(before.state, job.state))
      return refused("illegal job transition");
    if (auto fenced = check_boot(before, job); !fenced)
      return std::move(fenced).error();
    if (auto legal = check_record(before, job); !legal)
      return std::move(legal).error();
    if (auto alone = check_lane(job); !alone)
      return std::move(alone).error();
    if (auto taken = take_locks(job, what.locks); !taken)
      return std::move(taken).error();
    if (auto done = change_all(job, what.changes, now); !done)
      return std::move(done).error();
    store(job);
    if (what.key)
      put(keys, std::pair{what.key->principal, what.key->key},
          key_row{what.key->fingerprint, job.id});
    if (job.is_done())
      let_go(job, now);
    for (const auto& e : what.events)
      tell(job, e, now);
    return job;
  }

  check check_boot(const jobs::job_record& before,
                   const jobs::job_record& after) const {
    const bool moves = after.state == jobs::job_state::running
                       || after.state == jobs::job_state::cancelling;
    if (moves != (after.boot != 0))
      return refused("running without a boot, or a boot without running");
    if (moves && after.boot != boot)
      return refused("not the boot of this process");
    const bool foreign = before.boot != 0 && before.boot != boot;
    const bool parked_at_adoption = after.state == jobs::job_state::parked
                                    && after.crashes > before.crashes;
    if (foreign && !moves && !parked_at_adoption)
      return refused("the job belongs to an older boot");
    return {};
  }

  static check check_record(const jobs::job_record& before,
                            const jobs::job_record& after) {
    using enum jobs::job_state;
    if (before.past_pivot && !after.past_pivot)
      return refused("pivot cannot be undone");
    if (after.state == cancelled && after.past_pivot)
      return refused("cancelled past the pivot");
    if ((after.state == failed || after.state == parked) && !after.error)
      return refused("failed or parked without an error");
    if (after.state == succeeded
        && std::ranges::any_of(after.steps, [](const auto& s) {
             return s.state != jobs::step_state::done
                    && s.state != jobs::step_state::skipped;
           }))
      return refused("unfinished step");
    if (after.is_done() != (after.finished_at != 0))
      return refused("finished exactly when there is a time");
    return {};
  }

  check check_lane(const jobs::job_record& job) const {
    if (!jobs::is_owner(job.state) || !job.lane.starts_with("server:"))
      return {};
    const auto owner = lane_owner.find(job.lane);
    if (owner != lane_owner.end() && owner->second != job.row)
      return locked_by(jobs.at(owner->second));
    return {};
  }

  check take_locks(const jobs::job_record& job,
                   const std::vector<jobs::lock_request>& wanted) {
    for (const auto& want : wanted) {
      auto holders = locks[want.resource];
      for (const auto& [row, exclusive] : holders)
        if (row != job.row && (exclusive || want.exclusive))
          return locked_by(jobs.at(row));
      holders[job.row] = holders[job.row] || want.exclusive;
      put(locks, want.resource, holders);
    }
    return {};
  }

  /// What an ended job held is free.
  void let_go(const jobs::job_record& job, now_ms now) {
    for (auto& [resource, holders] : locks)
      holders.erase(job.row);
    for (auto& [id, t] : trash)
      if (t.claimed_by == job.row && t.entry.state == "restoring") {
        t.claimed_by = 0;
        t.entry.state = "held";
      }
    let_go_of_backups(job, now);
    leave_transfer(job, now);
    transfers.erase(job.id);
    let_go_of_systems(job);
    const auto mine = servers.find(job.server_row);
    if (mine != servers.end() && mine->second.record.owner_job == job.row
        && mine->second.record.state == jobs::server_state::creating) {
      auto gone = mine->second;
      gone.record.state = jobs::server_state::deleted;
      gone.record.owner_job = 0;
      store(gone, now);
    }
  }

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

  void store(const jobs::job_record& job) {
    put(jobs, job.row, job);
    const bool was_live = live.contains(job.row);
    undo_.push_back([this, row = job.row, was_live] {
      was_live ? void(live.insert(row)) : void(live.erase(row));
    });
    job.is_done() ? void(live.erase(job.row)) : void(live.insert(job.row));
    if (!job.dedup_key.empty() && job.is_done())
      drop(natural_key, job.dedup_key);
    else if (!job.dedup_key.empty())
      put(natural_key, job.dedup_key, job.row);
    const auto owner = lane_owner.find(job.lane);
    const bool mine = owner != lane_owner.end() && owner->second == job.row;
    if (jobs::is_owner(job.state) && job.lane.starts_with("server:"))
      put(lane_owner, job.lane, job.row);
    else if (mine)
      drop(lane_owner, job.lane);
    new_jobs.push_back(job);
  }

  void store(server_row server, now_ms now) {
    server.record.updated_at = now;
    const auto& r = server.record;
    if (r.state == jobs::server_state::deleted)
      drop(live_server, r.uuid);
    else
      put(live_server, r.uuid, r.row);
    new_servers.push_back(std::make_shared<const jobs::server_record>(r));
    put(servers, r.row, server);
  }

  void tell(const jobs::job_record& job, const jobs::event_draft& e,
            now_ms now) {
    jobs::event out{.seq = next_seq(),
                    .job_row = job.row,
                    .job = job.id,
                    .server = job.server,
                    .kind = job.kind,
                    .type = e.type,
                    .job_version = job.version,
                    .at = now,
                    .data = e.data,
                    .input = jobs::is_about_systems(job.kind) ? job.input : ""};
    new_events.push_back(out);
    events.push_back(std::move(out));
  }
  std::int64_t next_seq() const {
    return events.empty() ? 1 : events.back().seq + 1;
  }

  std::vector<std::function<void()>> undo_;
};

} // namespace alula::doubles
