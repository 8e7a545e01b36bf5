// The rules of the fake ledger, compiled once: in every test that includes a
// fake they would take most of the compilation.
#include "tests/doubles/fake_store.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace alula::doubles {

jobs::result<jobs::accepted> fake_store::accept(const jobs::acceptance& what,
                                                now_ms now) {
  return whole<jobs::accepted>([&] { return accept_inside(what, now); });
}

jobs::result<jobs::job_record> fake_store::save(const jobs::save& what,
                                                now_ms now) {
  return whole<jobs::job_record>([&] { return save_inside(what, now); });
}

jobs::status fake_store::amend(const std::vector<jobs::change>& what,
                               now_ms now) {
  auto done = whole<bool>([&]() -> jobs::result<bool> {
    jobs::job_record nobody;
    if (auto changed = change_all(nobody, what, now); !changed)
      return std::move(changed).error();
    return true;
  });
  return done ? jobs::status{} : jobs::status{done.error()};
}

jobs::status fake_store::forget(const jobs::job_id& id) {
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
fake_store::find_by_key(const jobs::idempotency& key) const {
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

bool fake_store::is_needed(const jobs::job_id& id, std::int64_t row) const {
  return trash.contains(id) || replaced.contains(id)
         || std::ranges::any_of(
             servers,
             [&](const auto& s) { return s.second.record.owner_job == row; })
         || std::ranges::any_of(reports, [&](const auto& r) {
              return r.second.job == id && r.second.ended_at == 0
                     && r.second.path != "/activity";
            });
}

jobs::result<jobs::accepted>
fake_store::accept_inside(const jobs::acceptance& what, now_ms now) {
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
    return jobs::accepted{jobs.at(same->second), jobs::accept_outcome::joined};
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

void fake_store::inherit(const jobs::job_record& job, now_ms now) {
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

fake_store::check fake_store::admit(const jobs::job_record& job,
                                    const jobs::acceptance& what) {
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

jobs::result<jobs::job_record> fake_store::save_inside(const jobs::save& what,
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

fake_store::check fake_store::check_boot(const jobs::job_record& before,
                                         const jobs::job_record& after) const {
  const bool moves = after.state == jobs::job_state::running
                     || after.state == jobs::job_state::cancelling;
  if (moves != (after.boot != 0))
    return refused("running without a boot, or a boot without running");
  if (moves && after.boot != boot)
    return refused("not the boot of this process");
  const bool foreign = before.boot != 0 && before.boot != boot;
  const bool parked_at_adoption =
      after.state == jobs::job_state::parked && after.crashes > before.crashes;
  if (foreign && !moves && !parked_at_adoption)
    return refused("the job belongs to an older boot");
  return {};
}

fake_store::check fake_store::check_record(const jobs::job_record& before,
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

fake_store::check fake_store::check_lane(const jobs::job_record& job) const {
  if (!jobs::is_owner(job.state) || !job.lane.starts_with("server:"))
    return {};
  const auto owner = lane_owner.find(job.lane);
  if (owner != lane_owner.end() && owner->second != job.row)
    return locked_by(jobs.at(owner->second));
  return {};
}

fake_store::check
fake_store::take_locks(const jobs::job_record& job,
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

void fake_store::let_go(const jobs::job_record& job, now_ms now) {
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

fake_store::check
fake_store::change_all(jobs::job_record& job,
                       const std::vector<jobs::change>& changes, now_ms now) {
  for (const auto& change : changes) {
    auto done = std::visit([&](const auto& c) { return apply(job, c, now); },
                           static_cast<const jobs::any_change&>(change));
    if (!done)
      return done;
  }
  return {};
}

void fake_store::store(const jobs::job_record& job) {
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

void fake_store::store(server_row server, now_ms now) {
  server.record.updated_at = now;
  const auto& r = server.record;
  if (r.state == jobs::server_state::deleted)
    drop(live_server, r.uuid);
  else
    put(live_server, r.uuid, r.row);
  new_servers.push_back(std::make_shared<const jobs::server_record>(r));
  put(servers, r.row, server);
}

void fake_store::tell(const jobs::job_record& job, const jobs::event_draft& e,
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

} // namespace alula::doubles
