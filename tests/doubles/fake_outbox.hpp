/// The part of the ledger in memory that is about reports for the Panel and
/// about what the Panel says: the rules of storage/outbox_changes.cpp and of
/// migrations/0003_outbox.sql once more.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "jobs/outbox.hpp"
#include "jobs/server.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace alula::doubles {

struct fake_outbox_rows {
  bool tells_panel = false; ///< the node has a Panel
  std::map<std::int64_t, jobs::report> reports;
  std::int64_t last_report = 0;
  std::map<std::int64_t, std::int64_t> repeated_as; ///< dead → told again by
};

/// `Store` is fake_store.
template<class Store>
class fake_outbox_changes {
protected:
  using check = jobs::status;
  using record = jobs::job_record;
  using now_ms = jobs::time_ms;

  check apply(record& job, const jobs::tell_panel& c, now_ms now) {
    if (!s().tells_panel)
      return {};
    if (c.subject.empty() || c.path.size() < 2 || c.path.front() != '/')
      return jobs::fault{.what = "an odd report"};
    if (jobs::is_container_status(c.subject))
      drop_all(c.subject, now);
    jobs::report r{.row = ++s().last_report,
                   .subject = c.subject,
                   .job = job.id,
                   .server = job.server,
                   .method = c.method,
                   .path = c.path,
                   .body = c.body,
                   .created_at = now,
                   .next_at = now};
    for (const auto& [row, known] : s().reports)
      if (says_the_same(known, r) && !s().repeated_as.contains(row)) {
        if (r.job.empty()) {
          r.job = known.job;
          r.server = known.server;
        }
        s().put(s().repeated_as, row, r.row);
      }
    const bool behind =
        std::ranges::any_of(s().reports, [&](const auto& known) {
          return known.second.subject == c.subject
                 && known.second.state == jobs::report_state::waiting;
        });
    r.state = behind ? jobs::report_state::behind : jobs::report_state::waiting;
    s().put(s().reports, r.row, r);
    happened(r, job, "report.queued", now);
    return {};
  }

  check apply(record&, const jobs::record_delivery& c, now_ms now) {
    using outcome = jobs::record_delivery::outcome;
    const auto known = s().reports.find(c.report);
    if (known == s().reports.end()
        || known->second.state != jobs::report_state::waiting)
      return {};
    auto r = known->second;
    ++r.tries;
    r.tried_at = now;
    r.http_status = c.http_status;
    r.error = c.why;
    if (c.is == outcome::again) {
      r.next_at = c.next_at;
      s().put(s().reports, r.row, r);
      return {};
    }
    const bool taken = c.is == outcome::delivered;
    const bool moot = c.is == outcome::moot;
    r.ended_at = now;
    r.state = taken  ? jobs::report_state::delivered
              : moot ? jobs::report_state::moot
                     : jobs::report_state::dead;
    if (!taken && r.error.empty())
      r.error = moot ? "the Panel has no such thing" : "given up";
    s().put(s().reports, r.row, r);
    call_up(r.subject);
    const auto job = s().row_of.find(r.job);
    record of;
    if (job != s().row_of.end())
      of = s().jobs.at(job->second);
    happened(r, of,
             taken  ? "report.delivered"
             : moot ? "report.moot"
                    : "report.dead",
             now);
    if (taken)
      note_told(r, now);
    return {};
  }

  check apply(record&, const jobs::set_server_config& c, now_ms now) {
    return amend_server(c.server, now, [&](auto& row) {
      row.record.config = c.config;
      row.record.quarantined_at = 0;
      const bool leaves = row.record.state == jobs::server_state::deleting;
      (leaves ? row.suspended_before : row.record.suspended) = c.suspended;
    });
  }
  check apply(record&, const jobs::quarantine_server& c, now_ms now) {
    return amend_server(c.server, now, [&](auto& row) {
      auto& at = row.record.quarantined_at;
      at = !c.quarantined ? 0 : at != 0 ? at : now;
    });
  }

private:
  static bool says_the_same(const jobs::report& dead, const jobs::report& r) {
    return dead.state == jobs::report_state::dead && dead.subject == r.subject
           && dead.method == r.method && dead.path == r.path
           && dead.body == r.body;
  }

  template<class Change>
  check amend_server(const jobs::server_id& uuid, now_ms now, Change change) {
    const auto live = s().live_server.find(uuid);
    if (live == s().live_server.end())
      return {};
    auto row = s().servers.at(live->second);
    change(row);
    s().store(row, now);
    return {};
  }

  void drop_all(const std::string& subject, now_ms now) {
    const auto known = s().reports;
    for (const auto& [row, r] : known) {
      if (r.subject != subject)
        continue;
      if (r.ended_at == 0)
        happened(r, {}, "report.moot", now);
      s().drop(s().reports, row);
    }
  }

  /// The next of the subject, now that the one before it has ended.
  void call_up(const std::string& subject) {
    for (const auto& [number, report] : s().reports)
      if (report.subject == subject
          && report.state == jobs::report_state::behind) {
        auto next = report;
        next.state = jobs::report_state::waiting;
        s().put(s().reports, number, next);
        return;
      }
  }

  void note_told(const jobs::report& r, now_ms now) {
    if (!r.subject.starts_with("backup:"))
      return;
    const auto uuid = jobs::backup_id::parse(r.subject.substr(7));
    const auto known = uuid ? s().backups.find(*uuid) : s().backups.end();
    if (known == s().backups.end())
      return;
    auto row = known->second;
    if (row.record.state == jobs::backup_state::creating
        || row.record.completed_at > r.created_at)
      return;
    row.record.told_at = now;
    s().put(s().backups, *uuid, row);
  }

  void happened(const jobs::report& r, const record& job, const char* type,
                now_ms now) {
    s().tell(job,
             {type, R"({"report":)" + std::to_string(r.row) + R"(,"subject":")"
                        + r.subject + R"(","path":")" + r.path + R"("})"},
             now);
  }

  Store& s() { return static_cast<Store&>(*this); }
};

/// The reads of a store's outbox, for fake_queries.
inline std::vector<jobs::report> all_due(const fake_outbox_rows& from,
                                         bool statuses, jobs::time_ms now,
                                         std::size_t limit) {
  std::vector<jobs::report> due;
  for (const auto& [row, r] : from.reports)
    if (r.state == jobs::report_state::waiting && r.next_at <= now
        && jobs::is_container_status(r.subject) == statuses)
      due.push_back(r);
  std::ranges::stable_sort(due, {}, &jobs::report::next_at);
  due.resize(std::min(due.size(), limit));
  return due;
}

inline std::vector<jobs::report> due_reports(const fake_outbox_rows& from,
                                             jobs::time_ms now,
                                             std::size_t limit) {
  return all_due(from, false, now, limit);
}

inline std::vector<jobs::report> due_statuses(const fake_outbox_rows& from,
                                              jobs::time_ms now,
                                              std::size_t limit) {
  return all_due(from, true, now, limit);
}

inline std::vector<jobs::report> statuses(const fake_outbox_rows& from) {
  std::vector<jobs::report> all;
  for (const auto& [row, r] : from.reports)
    if (jobs::is_container_status(r.subject))
      all.push_back(r);
  return all;
}

inline jobs::time_ms next_report_at(const fake_outbox_rows& from,
                                    jobs::time_ms after) {
  jobs::time_ms next = 0;
  for (const auto& [row, r] : from.reports)
    if (r.state == jobs::report_state::waiting && r.next_at > after
        && (next == 0 || r.next_at < next))
      next = r.next_at;
  return next;
}

inline bool is_among(const fake_outbox_rows& from, const jobs::report& r,
                     jobs::report_group which) {
  const bool dead =
      r.state == jobs::report_state::dead && !from.repeated_as.contains(r.row);
  const bool open = r.ended_at == 0;
  return which == jobs::report_group::all
         || (which == jobs::report_group::open && open)
         || (which == jobs::report_group::dead && dead)
         || (which == jobs::report_group::unsettled && (open || dead)
             && !jobs::is_container_status(r.subject));
}

inline jobs::report_page report_page_of(const fake_outbox_rows& from,
                                        jobs::report_group which,
                                        std::int64_t after, std::size_t limit) {
  jobs::report_page page;
  for (const auto& [row, r] : from.reports) {
    if (row <= after || !is_among(from, r, which))
      continue;
    if (page.items.size() == limit) {
      page.next_after = page.items.back().row;
      break;
    }
    page.items.push_back(r);
  }
  return page;
}

inline jobs::outbox_figures figures_of(const fake_outbox_rows& from) {
  jobs::outbox_figures f;
  for (const auto& [row, r] : from.reports) {
    f.dead += is_among(from, r, jobs::report_group::dead) ? 1 : 0;
    if (r.ended_at != 0 || jobs::is_container_status(r.subject))
      continue;
    ++f.open;
    if (f.oldest_open_at == 0)
      f.oldest_open_at = r.created_at;
  }
  return f;
}

} // namespace alula::doubles
