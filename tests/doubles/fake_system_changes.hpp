/// The part of the ledger in memory that is about systems and their backups:
/// the rules of storage/system_changes.cpp once more.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "jobs/system_backup.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::doubles {

struct fake_system_rows {
  std::map<std::string, jobs::system_record, std::less<>> systems;
  std::map<std::string, jobs::system_backup_record, std::less<>> system_backups;

  std::optional<jobs::system_record> find_system(std::string_view id) const {
    const auto found = systems.find(id);
    return found == systems.end() ? std::nullopt : std::optional{found->second};
  }
  std::vector<jobs::listed_system> list_systems(std::string_view after,
                                                std::size_t limit) const {
    std::vector<jobs::listed_system> all;
    for (auto at = systems.upper_bound(after);
         at != systems.end() && all.size() < limit; ++at) {
      jobs::listed_system one{at->second};
      for (const auto& [id, backup] : system_backups) {
        if (backup.system != one.id
            || backup.state != jobs::system_backup_state::stored)
          continue;
        ++one.backups;
        one.bytes += backup.size;
        one.newest_at = std::max(one.newest_at, backup.uploaded_at);
      }
      all.push_back(std::move(one));
    }
    return all;
  }
  std::vector<jobs::system_backup_record>
  list_system_uploads(std::size_t limit) const {
    std::vector<jobs::system_backup_record> all;
    for (const auto& [id, one] : system_backups)
      if (one.state == jobs::system_backup_state::uploading
          && all.size() < limit)
        all.push_back(one);
    return all;
  }
  std::optional<jobs::system_backup_record>
  find_system_backup(std::string_view id) const {
    const auto found = system_backups.find(id);
    return found == system_backups.end() ? std::nullopt
                                         : std::optional{found->second};
  }
  std::vector<jobs::system_backup_record>
  list_system_backups(std::string_view system) const {
    std::vector<jobs::system_backup_record> all;
    for (const auto& [id, one] : system_backups)
      if (one.system == system)
        all.push_back(one);
    std::ranges::reverse(all);
    return all;
  }
};

/// `Store` is fake_store.
template<class Store>
class fake_system_changes {
protected:
  using check = jobs::status;
  using record = jobs::job_record;
  using now_ms = jobs::time_ms;
  using state = jobs::system_backup_state;

  check apply(record&, const jobs::put_system& c, now_ms now) {
    auto next = s().find_system(c.id).value_or(
        jobs::system_record{.id = c.id, .created_at = now});
    if (next.destroyed_at != 0)
      return no_system();
    next.organization = c.organization;
    next.name = c.name;
    next.suspended_at = !c.suspended             ? 0
                        : next.suspended_at != 0 ? next.suspended_at
                                                 : now;
    s().put(s().systems, c.id, next);
    return {};
  }
  check apply(record& job, const jobs::begin_system_upload& c, now_ms) {
    const auto system = s().find_system(c.system);
    if (!system || system->suspended_at != 0 || system->destroyed_at != 0)
      return no_system();
    if (s().system_backups.contains(c.id))
      return jobs::fault{.code = jobs::fault_code::backup_exists,
                         .what = "the id is taken"};
    if (c.most > 0 && used_by(system->organization) + c.size > c.most)
      return jobs::fault{.code = jobs::fault_code::quota_exceeded,
                         .what = "the organisation has no room"};
    const auto uuid = jobs::job_id::parse(std::string_view{c.id}.substr(0, 36));
    s().put(s().system_backups, c.id,
            jobs::system_backup_record{.id = c.id,
                                       .system = c.system,
                                       .state = state::uploading,
                                       .filename = c.filename,
                                       .mimetype = c.mimetype,
                                       .size = c.size,
                                       .sha256 = "",
                                       .uploader = c.uploader,
                                       .uploaded_at =
                                           uuid ? jobs::created_at(*uuid) : 0,
                                       .owner_job = job.id});
    return {};
  }
  check apply(record& job, const jobs::store_system_backup& c, now_ms now) {
    auto mine = s().find_system_backup(c.id);
    if (!mine || mine->state != state::uploading || mine->owner_job != job.id)
      return jobs::fault{.code = jobs::fault_code::backup_not_found,
                         .what = "not this job's upload"};
    const auto system = s().find_system(mine->system);
    if (!system || system->destroyed_at != 0)
      return no_system();
    mine->state = state::stored;
    mine->size = c.size;
    mine->sha256 = c.sha256;
    mine->owner_job = {};
    s().put(s().system_backups, c.id, *mine);
    auto stored = s().list_system_backups(mine->system);
    std::erase_if(stored,
                  [](const auto& one) { return one.state != state::stored; });
    for (const auto& id :
         jobs::choose_system_victims(std::move(stored), c.id, c.count, c.bytes))
      if (auto taken = apply(job, jobs::begin_system_backup_delete{id}, now);
          !taken)
        return taken;
    return {};
  }
  check apply(record& job, const jobs::begin_system_backup_delete& c, now_ms) {
    auto known = s().find_system_backup(c.id);
    if (known && known->state == state::uploading)
      return jobs::fault{.code = jobs::fault_code::backup_in_use,
                         .what = "it is still being uploaded"};
    if (!known || known->state != state::stored)
      return {};
    const auto system = s().find_system(known->system);
    if (!is_theirs(system ? system->organization : "", c.organization))
      return no_system();
    known->state = state::deleting;
    known->owner_job = job.id;
    s().put(s().system_backups, c.id, *known);
    return {};
  }
  check apply(record&, const jobs::forget_system_upload& c, now_ms) {
    const auto known = s().find_system_backup(c.id);
    if (known && known->state == state::uploading && known->owner_job == c.by)
      s().drop(s().system_backups, c.id);
    return {};
  }
  check apply(record& job, const jobs::forget_system_backup& c, now_ms) {
    const auto known = s().find_system_backup(c.id);
    if (known && known->state == state::deleting && known->owner_job == job.id)
      s().drop(s().system_backups, c.id);
    return {};
  }
  check apply(record& job, const jobs::begin_system_destroy& c, now_ms now) {
    auto system = s().find_system(c.system);
    if (!system || !is_theirs(system->organization, c.organization))
      return no_system();
    if (system->destroyed_at == 0)
      system->destroyed_at = now;
    s().put(s().systems, c.system, *system);
    for (const auto& one : s().list_system_backups(c.system))
      if (one.state == state::stored)
        if (auto taken =
                apply(job, jobs::begin_system_backup_delete{one.id}, now);
            !taken)
          return taken;
    return {};
  }
  check apply(record&, const jobs::forget_system& c, now_ms) {
    if (!s().list_system_backups(c.system).empty())
      return jobs::fault{.code = jobs::fault_code::backup_in_use,
                         .what = "a backup of it is still on record"};
    const auto known = s().find_system(c.system);
    if (known && known->destroyed_at != 0)
      s().drop(s().systems, c.system);
    return {};
  }

  void let_go_of_systems(const record& job) {
    for (auto& [id, one] :
         std::map{s().system_backups.begin(), s().system_backups.end()}) {
      if (one.owner_job != job.id || job.id.empty())
        continue;
      if (one.state == state::uploading) {
        const bool given_up =
            job.error && job.error->code == jobs::fault_code::abandoned;
        if (!given_up)
          s().system_backups.erase(id);
      } else {
        s().system_backups[id].state = state::stored;
        s().system_backups[id].owner_job = {};
      }
    }
  }

private:
  Store& s() { return static_cast<Store&>(*this); }

  static jobs::fault no_system() {
    return {.code = jobs::fault_code::system_not_found,
            .what = "there is no system that takes backups"};
  }

  static bool is_theirs(const std::string& owner, const std::string& asked) {
    return asked.empty() || owner == asked;
  }

  std::int64_t used_by(const std::string& organization) {
    std::int64_t used = 0;
    for (const auto& [id, one] : s().system_backups)
      if (const auto system = s().find_system(one.system);
          system && system->organization == organization
          && one.state != state::deleting)
        used += one.size;
    return used;
  }
};

} // namespace alula::doubles
