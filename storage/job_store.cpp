#include "storage/job_store.hpp"

#include "jobs/principal.hpp"
#include "storage/backup_sql.hpp"
#include "storage/ledger_sql.hpp"
#include "storage/outcome.hpp"
#include "storage/server_changes.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

namespace alula::storage {

namespace {

using jobs::fault;
using jobs::fault_code;

template<class T>
void move_to_end(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()),
            std::make_move_iterator(from.end()));
}

bool same(const jobs::step_record& a, const jobs::step_record& b) {
  return a.state == b.state && a.attempt == b.attempt && a.crashes == b.crashes
         && a.reached == b.reached && a.output == b.output && a.error == b.error
         && a.started_at == b.started_at && a.finished_at == b.finished_at;
}

} // namespace

bool ledger_news::empty() const {
  return events.empty() && jobs.empty() && servers.empty() && forgotten.empty();
}

void ledger_news::append(ledger_news&& more) {
  move_to_end(events, more.events);
  move_to_end(jobs, more.jobs);
  move_to_end(servers, more.servers);
  move_to_end(forgotten, more.forgotten);
}

// -- save ---------------------------------------------------------------------

jobs::result<jobs::job_record> job_store::save(const jobs::save& what,
                                               ledger_news& news) {
  jobs::job_record after = what.after;
  if (auto checked = check_version(after); !checked)
    return std::move(checked).error();
  server_changes changes{on_, after, server_changes::occasion::save,
                         clock_.now(), tells_panel_};
  for (const auto& change : what.changes)
    if (auto applied = changes.apply(change); !applied)
      return std::move(applied).error();
  // A job ends when its steps have; a step starts when its job runs.
  if (after.is_done())
    if (auto updated = update_steps(after); !updated)
      return std::move(updated).error();
  const auto held =
      after.is_done() ? changes.let_go() : take_locks(after, what.locks);
  if (!held)
    return held.error();
  if (auto updated = update(after); !updated)
    return std::move(updated).error();
  if (!after.is_done())
    if (auto updated = update_steps(after); !updated)
      return std::move(updated).error();
  if (auto kept = remember_key(what.key, after.row); !kept)
    return std::move(kept).error();
  if (auto told = tell_events(after, what.events, news); !told)
    return std::move(told).error();
  if (auto told = tell_reports(changes, news); !told)
    return std::move(told).error();
  if (auto told = tell_servers(changes, news); !told)
    return std::move(told).error();
  news.jobs.push_back(after);
  return after;
}

jobs::status job_store::check_version(const jobs::job_record& after) {
  auto before = on_.ask(ledger_sql("version_of_job"), after.row);
  if (!before.next())
    return before.outcome()
               ? nonsense("there is no job row " + std::to_string(after.row))
               : before.outcome();
  if (before.integer(0) + 1 != after.version)
    return nonsense("job " + after.id.to_string() + " has version "
                    + std::to_string(before.integer(0)) + ", so version "
                    + std::to_string(after.version) + " cannot follow");
  return {};
}

jobs::status
job_store::take_locks(const jobs::job_record& job,
                      const std::vector<jobs::lock_request>& locks) {
  for (const auto& lock : locks) {
    const std::string_view mode = lock.exclusive ? "X" : "S";
    auto holder =
        on_.ask(ledger_sql("holder_of_lock"), lock.resource, job.row, mode);
    if (holder.next())
      return fault{.code = fault_code::server_locked,
                   .what = lock.resource + " is held by another job",
                   .where = "ledger",
                   .in_the_way = holder.text(0)};
    if (auto ended = holder.outcome(); !ended)
      return ended;
    auto taken = on_.run(ledger_sql("take_lock"), lock.resource, job.row, mode,
                         clock_.now());
    if (!taken)
      return std::move(taken).error();
  }
  return {};
}

/// Only the steps that differ: most saves touch one.
jobs::status job_store::update_steps(const jobs::job_record& after) {
  jobs::job_record before;
  before.row = after.row;
  if (auto got = read_steps(on_, ledger_sql("steps_of_job"), before); !got)
    return got;
  if (before.steps.size() != after.steps.size())
    return nonsense("job " + after.id.to_string() + " has "
                    + std::to_string(before.steps.size()) + " steps, not "
                    + std::to_string(after.steps.size()));
  for (std::size_t i = 0; i < after.steps.size(); ++i) {
    const auto& step = after.steps[i];
    if (same(before.steps[i], step))
      continue;
    auto updated = on_.run(ledger_sql("update_step"), after.row,
                           static_cast<std::int64_t>(i), to_string(step.state),
                           step.attempt, step.crashes, step.reached,
                           or_null{step.output}, or_null{stored(step.error)},
                           or_null{step.started_at}, or_null{step.finished_at});
    if (!updated)
      return std::move(updated).error();
  }
  return {};
}

jobs::status job_store::update(const jobs::job_record& after) {
  auto updated = on_.run(
      ledger_sql("update_job"), after.row, after.version,
      to_string(after.state), after.pool, after.priority, or_null{after.result},
      or_null{stored(after.error)}, after.reason, after.message, after.attempt,
      after.crashes, after.past_pivot, or_null{after.cancel_requested_at},
      or_null{after.boot}, after.run_at, or_null{after.deadline_at},
      or_null{after.started_at}, or_null{after.finished_at},
      or_null{after.expires_at}, or_null{after.waiting_since},
      or_null{after.held_by}, or_null{after.held_since},
      or_null{after.held_by_since});
  if (updated)
    return {};
  auto why = std::move(updated).error();
  if (why.code != fault_code::internal || !jobs::is_owner(after.state))
    return why;
  auto owner = on_.ask(ledger_sql("owner_of_lane"), after.lane, after.row);
  if (!owner.next())
    return why;
  return fault{.code = fault_code::server_locked,
               .what = "lane " + after.lane + " is held by another job",
               .where = "ledger",
               .in_the_way = owner.text(0)};
}

// -- forget, progress ---------------------------------------------------------

jobs::status job_store::forget(const jobs::job_id& id, ledger_news& news) {
  auto found = on_.ask(ledger_sql("job_by_id"), id.view());
  if (!found.next())
    return found.outcome()
               ? jobs::status{fault{.code = fault_code::job_not_found,
                                    .what = "no job " + id.to_string()}}
               : found.outcome();
  if (found.integer(1) == 0)
    return fault{.code = fault_code::job_not_ended,
                 .what = "job " + id.to_string() + " has not ended",
                 .in_the_way = id.to_string()};
  if (auto unneeded = check_unneeded(id); !unneeded)
    return unneeded;
  auto gone = on_.run(ledger_sql("delete_job"), found.integer(0));
  if (!gone && gone.error().code != fault_code::internal)
    return std::move(gone).error();
  // A delete that was given up: its server or its files still need it. The
  // trash refuses at once, the server only at the end of the transaction.
  if (!gone || on_.has_broken_reference())
    return fault{.code = fault_code::job_needed,
                 .what = "job " + id.to_string()
                         + " still answers for a server or its files",
                 .where = "ledger"};
  news.forgotten.push_back(id);
  return {};
}

/// What names the job without a foreign key and could not be acted on, or be
/// understood, without its record.
jobs::status job_store::check_unneeded(const jobs::job_id& id) {
  auto replaced = on_.ask(ledger_sql("replaced_by_job"), id.view());
  if (replaced.next())
    return fault{.code = fault_code::job_needed,
                 .what = "what job " + id.to_string() + " has replaced "
                         + (replaced.integer(0) == 0
                                ? "is not removed yet"
                                : "is kept until "
                                      + jobs::to_rfc3339(replaced.integer(0))
                                      + " and can be taken back by it"),
                 .where = "ledger"};
  if (auto ended = replaced.outcome(); !ended)
    return ended;
  auto report = on_.ask(ledger_sql("open_report_of_job"), id.view());
  if (report.next())
    return fault{.code = fault_code::job_needed,
                 .what = "the Panel has not been told yet what came of job "
                         + id.to_string() + ": see /api/outbox, "
                         + report.text(0),
                 .where = "ledger"};
  return report.outcome();
}

jobs::status job_store::amend(const std::vector<jobs::change>& what,
                              ledger_news& news) {
  jobs::job_record nobody;
  server_changes changes{on_, nobody, server_changes::occasion::save,
                         clock_.now(), tells_panel_};
  for (const auto& change : what)
    if (auto applied = changes.apply(change); !applied)
      return applied;
  if (auto told = tell_reports(changes, news); !told)
    return told;
  if (auto told = tell_events(nobody, changes.pool_events(), news); !told)
    return told;
  return tell_servers(changes, news);
}

jobs::result<bool> job_store::burn_token(std::string_view id,
                                         jobs::time_ms expires_at) {
  auto burnt = on_.run(backup_sql("burn_token"), id, expires_at);
  if (!burnt)
    return std::move(burnt).error();
  return *burnt > 0;
}

jobs::status job_store::write_progress(std::int64_t job_row,
                                       const jobs::progress& p) {
  return outcome_of(on_.run(ledger_sql("write_progress"), job_row, p.done,
                            or_null{p.total}, p.unit, p.message, p.rate,
                            p.updated_at));
}

// -- telling ------------------------------------------------------------------

jobs::status
job_store::tell_events(const jobs::job_record& job,
                       const std::vector<jobs::event_draft>& drafts,
                       ledger_news& news) {
  const auto now = clock_.now();
  for (const auto& draft : drafts) {
    auto inserted = on_.run(ledger_sql("insert_event"), or_null{job.row},
                            draft.type, job.version, now, draft.data);
    if (!inserted)
      return std::move(inserted).error();
    news.events.push_back({.seq = on_.last_row(),
                           .job_row = job.row,
                           .job = job.id,
                           .server = job.server,
                           .kind = job.kind,
                           .type = draft.type,
                           .job_version = job.version,
                           .at = now,
                           .data = draft.data,
                           .input = jobs::is_about_systems(job.kind)
                                        ? job.input
                                        : std::string{}});
  }
  return {};
}

/// Events of the job a report is of, or of none.
jobs::status job_store::tell_reports(const server_changes& changes,
                                     ledger_news& news) {
  for (const auto& one : changes.reports())
    if (auto told = tell_events(one.job, {one.what}, news); !told)
      return told;
  return {};
}

jobs::status job_store::tell_servers(const server_changes& changes,
                                     ledger_news& news) {
  for (const auto row : changes.touched()) {
    auto found = on_.ask(ledger_sql("server_by_row"), row);
    if (found.next())
      news.servers.push_back(
          std::make_shared<const jobs::server_record>(read_server(found)));
    else if (auto ended = found.outcome(); !ended)
      return ended;
  }
  return {};
}

jobs::result<jobs::job_record> job_store::read(std::int64_t job_row) {
  auto found = on_.ask(ledger_sql("job_by_row"), job_row);
  if (!found.next())
    return found.outcome()
               ? nonsense("there is no job row " + std::to_string(job_row))
               : found.outcome().error();
  auto job = read_job(found);
  if (auto got = read_steps(on_, ledger_sql("steps_of_job"), job); !got)
    return std::move(got).error();
  return job;
}

} // namespace alula::storage
