/// The part of the fake ledger that knows of servers, and of the trash of those
/// that were deleted.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "jobs/server.hpp"
#include "jobs/server_config.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace alula::doubles {

template<class Store>
class fake_server_changes {
public:
  using check = jobs::status;
  using now_ms = jobs::time_ms;

  check apply(jobs::job_record& job, const jobs::register_server& c,
              now_ms now) {
    if (auto free = check_uuid(c.uuid); !free)
      return free;
    job.server_row = ++s().last_server;
    job.server = c.uuid;
    typename Store::server_row fresh;
    fresh.record = {.row = job.server_row,
                    .uuid = c.uuid,
                    .state = jobs::server_state::creating,
                    .suspended = c.suspended,
                    .owner_job = job.row,
                    .created_by = job.row,
                    .config = c.config,
                    .created_at = now};
    s().store(fresh, now);
    return {};
  }
  check apply(jobs::job_record& job, const jobs::activate_server&, now_ms now) {
    return creating_of(job, jobs::server_state::active, now);
  }
  check apply(jobs::job_record& job, const jobs::discard_server&, now_ms now) {
    return creating_of(job, jobs::server_state::deleted, now);
  }
  check apply(jobs::job_record& job, const jobs::begin_delete&, now_ms now) {
    auto server = s().servers.at(job.server_row);
    auto& r = server.record;
    if (r.state == jobs::server_state::deleting
        && s().live.contains(r.owner_job))
      return s().locked_by(s().jobs.at(r.owner_job));
    if (r.state != jobs::server_state::deleting)
      server.suspended_before = r.suspended;
    r.state = jobs::server_state::deleting;
    r.suspended = true;
    r.owner_job = job.row;
    s().store(server, now);
    return {};
  }
  check apply(jobs::job_record& job, const jobs::forget_server&, now_ms now) {
    auto server = s().servers.at(job.server_row);
    if (server.record.state != jobs::server_state::deleting)
      return s().refused("only a server that is being deleted is forgotten");
    server.record.state = jobs::server_state::deleted;
    server.record.owner_job = 0;
    s().store(server, now);
    s().expire_replaced(job.server_row, now);
    return {};
  }
  check apply(jobs::job_record& job, const jobs::set_container& c, now_ms now) {
    auto server = s().servers.at(job.server_row);
    server.record.container_id = c.container_id;
    s().store(server, now);
    return {};
  }
  check apply(jobs::job_record& job, const jobs::put_in_trash& c, now_ms now) {
    s().put(s().trash, job.id,
            typename Store::trash_row{{.deleted_by = job.id,
                                       .server = job.server,
                                       .server_row = job.server_row,
                                       .server_name = name_of(job.server_row),
                                       .name = c.name,
                                       .state = "held",
                                       .detached_at = now,
                                       .purge_after = c.purge_after}});
    return {};
  }
  check apply(jobs::job_record&, const jobs::begin_purge& c, now_ms) {
    const auto found = s().trash.find(c.deleted_by);
    if (found == s().trash.end())
      return {};
    auto row = found->second;
    if (row.entry.state == "restoring")
      return s().locked_by(s().jobs.at(row.claimed_by));
    row.entry.state = "purging";
    s().put(s().trash, c.deleted_by, row);
    return {};
  }
  check apply(jobs::job_record&, const jobs::end_purge& c, now_ms) {
    s().drop(s().trash, c.deleted_by);
    return {};
  }
  check apply(jobs::job_record& job, const jobs::adopt_trash& c, now_ms) {
    const auto row = s().row_of.find(c.deleted_by);
    if (row == s().row_of.end()
        || s().jobs.at(row->second).state != jobs::job_state::failed)
      return jobs::fault{.code = jobs::fault_code::trash_not_found,
                         .what = "that job has left nothing"};
    job.server_row = s().jobs.at(row->second).server_row;
    job.server = s().jobs.at(row->second).server;
    if (const auto left = s().trash.find(c.deleted_by); left != s().trash.end())
      job.run_at = std::max(job.run_at, left->second.entry.purge_after);
    return {};
  }
  check apply(jobs::job_record& job, const jobs::claim_trash& c, now_ms) {
    const auto found = s().trash.find(c.deleted_by);
    if (found == s().trash.end() || found->second.entry.state == "purging")
      return jobs::fault{.code = jobs::fault_code::trash_not_found,
                         .what = "nothing of it lies in the trash"};
    auto row = found->second;
    if (row.entry.state == "restoring")
      return s().locked_by(s().jobs.at(row.claimed_by));
    if (auto free = check_uuid(row.entry.server); !free)
      return free;
    row.entry.state = "restoring";
    row.claimed_by = job.row;
    s().put(s().trash, c.deleted_by, row);
    return {};
  }
  check apply(jobs::job_record&, const jobs::release_trash& c, now_ms) {
    const auto found = s().trash.find(c.deleted_by);
    if (found == s().trash.end())
      return {};
    auto row = found->second;
    row.entry.state = "held";
    row.claimed_by = 0;
    s().put(s().trash, c.deleted_by, row);
    return {};
  }
  check apply(jobs::job_record&, const jobs::restore_server& c, now_ms now) {
    const auto found = s().trash.find(c.deleted_by);
    if (found == s().trash.end())
      return s().refused("nothing to restore");
    if (s().live_server.contains(found->second.entry.server))
      return jobs::fault{.code = jobs::fault_code::server_exists,
                         .what = "the uuid lives again"};
    const auto& old = s().servers.at(found->second.entry.server_row);
    auto fresh = old;
    fresh.record.row = ++s().last_server;
    fresh.record.state = jobs::server_state::active;
    fresh.record.suspended = old.suspended_before;
    fresh.record.owner_job = 0;
    fresh.record.container_id.clear();
    fresh.record.created_at = now;
    s().store(fresh, now);
    s().drop(s().trash, c.deleted_by);
    return {};
  }

private:
  /// Taken by a server that lives, or by an undelete.
  check check_uuid(const jobs::server_id& uuid) const {
    for (const auto& [id, t] : s().trash)
      if (t.entry.server == uuid && t.entry.state == "restoring")
        return jobs::fault{.code = jobs::fault_code::server_exists,
                           .what = "the uuid is being restored",
                           .in_the_way =
                               s().jobs.at(t.claimed_by).id.to_string()};
    const auto lives = s().live_server.find(uuid);
    if (lives == s().live_server.end())
      return {};
    const auto owner = s().servers.at(lives->second).record.owner_job;
    return jobs::fault{.code = jobs::fault_code::server_exists,
                       .what = "the uuid lives",
                       .in_the_way = owner == 0
                                         ? std::string{}
                                         : s().jobs.at(owner).id.to_string()};
  }

  check creating_of(const jobs::job_record& job, jobs::server_state next,
                    now_ms now) {
    auto server = s().servers.at(job.server_row);
    if (server.record.owner_job != job.row)
      return {}; // a delete has taken it over
    server.record.state = next;
    server.record.owner_job = 0;
    s().store(server, now);
    return {};
  }
  std::string name_of(std::int64_t server_row) const {
    const auto found = s().servers.find(server_row);
    if (found == s().servers.end())
      return {};
    const auto config = jobs::parse_server_config(found->second.record.config);
    return config ? config->name : std::string{};
  }
  Store& s() { return static_cast<Store&>(*this); }
  const Store& s() const { return static_cast<const Store&>(*this); }
};

} // namespace alula::doubles
