/// The part of the ledger in memory that is about backups and restores: the
/// rules of storage/backup_changes.cpp once more.
#pragma once

#include "jobs/backup.hpp"
#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "jobs/outbox.hpp"
#include "jobs/server.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace alula::doubles {

struct fake_backup_rows {
  struct backup_row {
    jobs::backup_record record;
    std::int64_t owner = 0;
  };
  struct replaced_row {
    jobs::replaced_tree tree;
    std::int64_t claimed_by = 0;
  };
  std::map<jobs::backup_id, backup_row> backups;
  std::map<jobs::job_id, replaced_row> replaced;
  std::map<std::string, jobs::time_ms> schedules;
  std::map<std::string, jobs::time_ms> burnt;
  std::int64_t last_backup = 0;
};

/// `Store` is fake_store: it has the rows, put() and drop() that a refusal
/// later in the call takes back, and the servers.
template<class Store>
class fake_backup_changes {
protected:
  using check = jobs::status;
  using record = jobs::job_record;
  using now_ms = jobs::time_ms;

  check apply(record& job, const jobs::register_backup& c, now_ms now) {
    if (const auto known = s().backups.find(c.uuid); known != s().backups.end())
      return jobs::fault{.code = jobs::fault_code::backup_exists,
                         .what = "the backup exists",
                         .in_the_way =
                             known->second.record.owner_job.to_string()};
    fake_backup_rows::backup_row row;
    row.record.row = ++s().last_backup;
    row.record.uuid = c.uuid;
    row.record.server = job.server;
    row.record.owner_job = job.id;
    row.record.created_at = now;
    row.owner = job.row;
    s().put(s().backups, c.uuid, row);
    return {};
  }
  check apply(record& job, const jobs::publish_backup& c, now_ms now) {
    auto row = mine(c.uuid, job, jobs::backup_state::creating);
    if (!row)
      return jobs::fault{.what = "publishes a backup it does not make"};
    row->record.state = jobs::backup_state::ready;
    row->record.owner_job = {};
    row->owner = 0;
    row->record.facts = c.facts;
    row->record.has_manifest = c.has_manifest;
    row->record.completed_at = now;
    row->record.is_local = c.is_local;
    row->record.is_scratch = c.is_scratch;
    s().put(s().backups, c.uuid, *row);
    return {};
  }
  check apply(record& job, const jobs::discard_backup& c, now_ms) {
    if (mine(c.uuid, job, jobs::backup_state::creating))
      s().drop(s().backups, c.uuid);
    return {};
  }
  check apply(record&, const jobs::record_found_backup& c, now_ms) {
    const auto& file = c.file;
    fake_backup_rows::backup_row row;
    if (const auto known = s().backups.find(file.backup);
        known != s().backups.end()) {
      row = known->second;
      if (row.record.state != jobs::backup_state::ready)
        return {};
      if (jobs::is_outdated_by(row.record, file)) {
        row.record.facts.size = file.size;
        row.record.completed_at = file.modified_at;
        row.record.verified_at = 0;
        row.record.damage.clear();
      }
      row.record.lost_at = 0;
      row.record.is_local = true;
      row.record.has_manifest = file.has_manifest;
      fill(row.record.facts, file.facts.value_or(jobs::archive_facts{}));
    } else {
      row.record.row = ++s().last_backup;
      row.record.uuid = file.backup;
      row.record.server = file.server;
      row.record.state = jobs::backup_state::ready;
      auto facts = file.facts.value_or(jobs::archive_facts{});
      facts.size = row.record.facts.size = file.size;
      fill(row.record.facts, facts);
      row.record.has_manifest = file.has_manifest;
      row.record.created_at = row.record.completed_at = file.modified_at;
    }
    s().put(s().backups, file.backup, row);
    return {};
  }
  check apply(record&, const jobs::record_lost_backup& c, now_ms now) {
    return amend_ready(c.uuid, [&](jobs::backup_record& b) {
      if (b.lost_at == 0)
        b.lost_at = now;
    });
  }
  check apply(record&, const jobs::claim_backup& c, now_ms) {
    const auto known = s().backups.find(c.uuid);
    if (known == s().backups.end()
        || (!known->second.record.server.empty()
            && known->second.record.server != c.server))
      return missing();
    auto row = known->second;
    if (row.record.state == jobs::backup_state::deleting)
      return jobs::fault{.code = jobs::fault_code::backup_in_use,
                         .what = "another job deletes the backup",
                         .in_the_way = row.record.owner_job.to_string()};
    row.record.server = c.server;
    s().put(s().backups, c.uuid, row);
    return {};
  }
  check apply(record& job, const jobs::begin_backup_delete& c, now_ms) {
    const auto known = s().backups.find(c.uuid);
    if (known == s().backups.end())
      return {};
    auto row = known->second;
    if (c.unless_pinned && row.record.pinned)
      return {};
    const auto busy = [](const std::string& id) {
      return jobs::fault{.code = jobs::fault_code::backup_in_use,
                         .what = "job " + id + " is busy with the backup",
                         .in_the_way = id};
    };
    if (row.record.state == jobs::backup_state::creating
        || (row.owner != 0 && row.owner != job.row))
      return busy(row.record.owner_job.to_string());
    for (const auto& [holder, exclusive] :
         s().locks["backup:" + c.uuid.to_string()])
      if (holder != job.row)
        return busy(s().jobs.at(holder).id.to_string());
    row.record.state = jobs::backup_state::deleting;
    row.record.owner_job = job.id;
    row.owner = job.row;
    s().put(s().backups, c.uuid, row);
    return {};
  }
  check apply(record& job, const jobs::forget_backup& c, now_ms) {
    if (mine(c.uuid, job, jobs::backup_state::deleting))
      s().drop(s().backups, c.uuid);
    return {};
  }
  check apply(record&, const jobs::record_verification& c, now_ms now) {
    return amend_ready(c.uuid, [&](jobs::backup_record& b) {
      b.verified_at = now;
      b.damage = c.what;
      fill(b.facts, c.facts);
    });
  }
  check apply(record&, const jobs::record_manifest& c, now_ms) {
    return amend_ready(c.uuid,
                       [&](jobs::backup_record& b) { b.has_manifest = true; });
  }
  check apply(record&, const jobs::pin_backup& c, now_ms) {
    const auto known = s().backups.find(c.uuid);
    if (known == s().backups.end()
        || known->second.record.state != jobs::backup_state::ready)
      return missing();
    return amend_ready(c.uuid,
                       [&](jobs::backup_record& b) { b.pinned = c.pinned; });
  }

  check apply(record& job, const jobs::begin_restore&, now_ms now) {
    const auto found = s().servers.find(job.server_row);
    if (found == s().servers.end())
      return jobs::fault{.code = jobs::fault_code::server_not_found,
                         .what = "there is no such server"};
    auto server = found->second;
    if (server.record.owner_job == job.row)
      return {};
    if (server.record.state != jobs::server_state::active)
      return jobs::fault{
          .code = jobs::fault_code::server_locked,
          .what = "the server is busy",
          .in_the_way =
              s().jobs.contains(server.record.owner_job)
                  ? s().jobs.at(server.record.owner_job).id.to_string()
                  : ""};
    server.record.state = jobs::server_state::restoring;
    server.record.owner_job = job.row;
    s().store(server, now);
    return {};
  }
  check apply(record& job, const jobs::end_restore&, now_ms now) {
    const auto found = s().servers.find(job.server_row);
    if (found == s().servers.end() || found->second.record.owner_job != job.row
        || found->second.record.state != jobs::server_state::restoring)
      return {};
    auto server = found->second;
    server.record.state = jobs::server_state::active;
    server.record.owner_job = 0;
    s().store(server, now);
    return {};
  }
  check apply(record& job, const jobs::keep_replaced& c, now_ms now) {
    const bool is_own = c.replaced_by.empty();
    const auto& whose = is_own ? job.id : c.replaced_by;
    if (s().replaced.contains(whose))
      return {};
    if (is_own)
      expire_replaced(job.server_row, 0);
    s().put(s().replaced, whose,
            fake_backup_rows::replaced_row{{.replaced_by = whose,
                                            .server = job.server,
                                            .server_row = job.server_row,
                                            .name = c.name,
                                            .merged = c.merged,
                                            .replaced_at = now,
                                            .keep_until = c.keep_until}});
    return {};
  }
  check apply(record& job, const jobs::claim_replaced& c, now_ms) {
    const auto found = s().replaced.find(c.replaced_by);
    if (found == s().replaced.end() && c.to_remove)
      return {};
    if (found == s().replaced.end())
      return jobs::fault{.code = jobs::fault_code::not_undoable,
                         .what = "nothing is kept"};
    auto row = found->second;
    if (!c.to_remove && job.server_row != 0
        && row.tree.server_row != job.server_row)
      return jobs::fault{.code = jobs::fault_code::not_undoable,
                         .what = "it restored another server"};
    if (!c.to_remove && job.server_row != 0 && row.tree.keep_until == 0)
      return jobs::fault{.code = jobs::fault_code::not_undoable,
                         .what = "it is removed already"};
    if (row.claimed_by != 0)
      return jobs::fault{.code = jobs::fault_code::server_locked,
                         .what = "somebody is at it",
                         .in_the_way =
                             s().jobs.at(row.claimed_by).id.to_string()};
    row.claimed_by = job.row;
    row.tree.claimed = true;
    s().put(s().replaced, c.replaced_by, row);
    return {};
  }
  check apply(record& job, const jobs::release_replaced& c, now_ms) {
    const auto found = s().replaced.find(c.replaced_by);
    if (found == s().replaced.end() || found->second.claimed_by != job.row)
      return {};
    auto row = found->second;
    row.claimed_by = 0;
    row.tree.claimed = false;
    if (c.is_spoilt)
      row.tree.keep_until = 0;
    s().put(s().replaced, c.replaced_by, row);
    return {};
  }
  check apply(record& job, const jobs::forget_replaced& c, now_ms) {
    const auto found = s().replaced.find(c.replaced_by);
    if (found != s().replaced.end() && found->second.claimed_by == job.row)
      s().drop(s().replaced, c.replaced_by);
    return {};
  }
  check apply(record&, const jobs::set_schedule& c, now_ms) {
    s().put(s().schedules, c.name, c.next_at);
    return {};
  }

  /// What a job leaves when it ends.
  void let_go_of_backups(const record& job, now_ms now) {
    std::erase_if(s().backups, [&](const auto& entry) {
      return entry.second.owner == job.row
             && entry.second.record.state == jobs::backup_state::creating;
    });
    for (auto& [uuid, row] : s().backups)
      if (row.owner == job.row) {
        row.owner = 0;
        row.record.owner_job = {};
        row.record.state = jobs::backup_state::ready;
        auto& b = row.record;
        if (!b.is_local && b.places.empty() && b.lost_at == 0)
          b.lost_at = now;
      }
    for (auto& [id, row] : s().replaced)
      if (row.claimed_by == job.row) {
        row.claimed_by = 0;
        row.tree.claimed = false;
      }
    auto ended = job;
    (void)apply(ended, jobs::end_restore{}, now);
  }

  void expire_replaced(std::int64_t server_row, now_ms now) {
    for (auto& [id, row] : s().replaced)
      if (row.tree.server_row == server_row && row.tree.keep_until > now) {
        auto due = row;
        due.tree.keep_until = now;
        s().put(s().replaced, id, due);
      }
  }

private:
  Store& s() { return static_cast<Store&>(*this); }

  /// What was not known of it; what is known stays, and what is said of an
  /// archive of another size is none of it.
  static void fill(jobs::archive_facts& known,
                   const jobs::archive_facts& found) {
    if (known.size != found.size)
      return;
    const auto before = known;
    const bool has_sha1 = found.sha1.size() == 40;
    const bool has_sha256 = found.sha256.size() == 64;
    if (before.sha1.empty() && has_sha1
        && (before.sha256.empty() || before.sha256 == found.sha256))
      known.sha1 = found.sha1;
    if (before.sha256.empty() && has_sha256
        && (before.sha1.empty() || before.sha1 == found.sha1))
      known.sha256 = found.sha256;
    if (known.content_bytes == 0)
      known.content_bytes = std::max<std::int64_t>(found.content_bytes, 0);
    if (known.files == 0)
      known.files = std::max<std::int64_t>(found.files, 0);
  }

  static jobs::fault missing() {
    return {.code = jobs::fault_code::backup_not_found,
            .what = "there is no such backup"};
  }

  std::optional<fake_backup_rows::backup_row> mine(const jobs::backup_id& uuid,
                                                   const record& job,
                                                   jobs::backup_state state) {
    const auto found = s().backups.find(uuid);
    if (found == s().backups.end() || found->second.owner != job.row
        || found->second.record.state != state)
      return std::nullopt;
    return found->second;
  }

  template<class Edit>
  check amend_ready(const jobs::backup_id& uuid, Edit edit) {
    const auto found = s().backups.find(uuid);
    if (found == s().backups.end()
        || found->second.record.state != jobs::backup_state::ready)
      return {};
    auto row = found->second;
    edit(row.record);
    s().put(s().backups, uuid, row);
    return {};
  }
};

} // namespace alula::doubles
