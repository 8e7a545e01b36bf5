/// The part of the ledger in memory that is about archives on other machines
/// and transfers: the rules of storage/place_changes.cpp once more.
#pragma once

#include "jobs/backup.hpp"
#include "jobs/changes.hpp"
#include "jobs/job.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace alula::doubles {

struct fake_place_rows {
  std::map<jobs::job_id, jobs::transfer_record> transfers;
  std::map<std::int64_t, jobs::remote_remains> remains;
  std::int64_t last_remains = 0;
};

/// `Store` is fake_store.
template<class Store>
class fake_place_changes {
protected:
  using check = jobs::status;
  using record = jobs::job_record;
  using now_ms = jobs::time_ms;

  check apply(record&, const jobs::record_place& c, now_ms now) {
    return edit(c.uuid, [&](jobs::backup_record& b) {
      if (b.state != jobs::backup_state::ready)
        return;
      std::erase_if(b.places, [&](const auto& p) { return p.name == c.place; });
      b.places.push_back({c.place, c.key, c.etag, c.size, now});
      std::ranges::sort(b.places, {}, &jobs::backup_place::name);
    });
  }
  check apply(record&, const jobs::record_found_copy& c, now_ms now) {
    const auto is_that = [&](const std::string& place, const std::string& key) {
      return place == c.place && key == c.key;
    };
    for (const auto& [row, left] : s().remains)
      if (is_that(left.store, left.key))
        return {};
    for (const auto& [job, transfer] : s().transfers)
      if (is_that(transfer.place, transfer.key))
        return {};
    const bool is_new = !s().backups.contains(c.file.backup);
    if (is_new) {
      record nobody;
      (void)s().apply(nobody, jobs::record_found_backup{c.file}, now);
    }
    auto row = s().backups.at(c.file.backup);
    auto& b = row.record;
    const auto facts = c.file.facts.value_or(jobs::archive_facts{});
    const bool is_same =
        b.facts.sha256.empty() || facts.sha256.empty()
            ? !b.facts.sha1.empty() && b.facts.sha1 == facts.sha1
            : b.facts.sha256 == facts.sha256;
    const bool fits = b.state == jobs::backup_state::ready
                      && b.facts.size == c.file.size && !b.find_place(c.place);
    if (!is_new && !(fits && is_same))
      return {};
    if (is_new || b.lost_at != 0) {
      b.is_local = false;
      b.lost_at = 0;
    }
    if (is_new)
      b.has_manifest = false;
    b.places.push_back({c.place, c.key, c.etag, c.file.size, now});
    std::ranges::sort(b.places, {}, &jobs::backup_place::name);
    s().put(s().backups, c.file.backup, row);
    return {};
  }
  check apply(record&, const jobs::forget_place& c, now_ms) {
    return edit(c.uuid, [&](jobs::backup_record& b) {
      std::erase_if(b.places, [&](const auto& p) { return p.name == c.place; });
    });
  }
  check apply(record&, const jobs::note_panel_word& c, now_ms now) {
    return edit(c.uuid, [&](jobs::backup_record& b) {
      using enum jobs::note_panel_word::word;
      for (auto& place : b.places) {
        if (place.name != jobs::panel_place)
          continue;
        place.asked_at = now;
        if (c.said == has)
          place.missed_at = 0;
        else if (c.said == has_not && place.missed_at == 0)
          place.missed_at = now;
      }
    });
  }
  check apply(record&, const jobs::set_local& c, now_ms) {
    const auto known = s().backups.find(c.uuid);
    if (!c.is_local
        && (known == s().backups.end() || known->second.record.places.empty()))
      return jobs::fault{.code = jobs::fault_code::backup_in_use,
                         .what = "the only archive stays"};
    return edit(c.uuid, [&](jobs::backup_record& b) {
      if (b.is_local && b.lost_at == 0 && !c.is_local)
        b.damage.clear();
      b.is_local = c.is_local;
      b.is_scratch = c.is_scratch;
      b.lost_at = 0;
    });
  }
  check apply(record& job, const jobs::keep_transfer& c, now_ms) {
    s().put(s().transfers, c.job.empty() ? job.id : c.job, c.what);
    for (const auto& [row, left] : std::map{s().remains})
      if (!c.what.key.empty() && left.store == c.what.place
          && left.key == c.what.key)
        s().drop(s().remains, row);
    return {};
  }
  check apply(record& job, const jobs::keep_transfer_part& c, now_ms) {
    const auto id = c.job.empty() ? job.id : c.job;
    const auto known = s().transfers.find(id);
    if (known == s().transfers.end() || known->second.upload != c.upload)
      return {};
    auto next = known->second;
    std::erase_if(next.parts,
                  [&](const auto& p) { return p.number == c.part.number; });
    next.parts.push_back(c.part);
    std::ranges::sort(next.parts, {}, &jobs::object_part::number);
    s().put(s().transfers, id, next);
    return {};
  }
  check apply(record&, const jobs::leave_remains& c, now_ms now) {
    for (const auto& [row, known] : s().remains)
      if (known.store == c.store && known.key == c.key
          && known.upload == c.upload)
        return {};
    const auto row = ++s().last_remains;
    s().put(s().remains, row,
            jobs::remote_remains{row, c.store, c.key, c.upload, now});
    return {};
  }
  /// Of a job that was given up nothing was taken back.
  void leave_transfer(const record& job, now_ms now) {
    const auto known = s().transfers.find(job.id);
    if (!job.error || job.error->code != jobs::fault_code::abandoned
        || known == s().transfers.end() || known->second.key.empty())
      return;
    const auto& what = known->second;
    for (const auto& [uuid, b] : s().backups)
      if (what.key.ends_with(uuid.to_string() + ".tar.gz")
          && std::ranges::find(b.record.places, what.place,
                               &jobs::backup_place::name)
                 != b.record.places.end())
        return;
    record nobody;
    (void)apply(nobody, jobs::leave_remains{what.place, what.key, what.upload},
                now);
  }
  check apply(record&, const jobs::forget_remains& c, now_ms) {
    s().drop(s().remains, c.row);
    return {};
  }

private:
  Store& s() { return static_cast<Store&>(*this); }

  template<class Edit>
  check edit(const jobs::backup_id& uuid, Edit change) {
    const auto found = s().backups.find(uuid);
    if (found == s().backups.end())
      return {};
    auto row = found->second;
    change(row.record);
    s().put(s().backups, uuid, row);
    return {};
  }
};

} // namespace alula::doubles
