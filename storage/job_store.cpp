#include "storage/job_store.hpp"

#include "storage/ledger_sql.hpp"
#include "storage/server_changes.hpp"

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

template<class T>
jobs::status outcome_of(jobs::result<T> run) {
  return run ? jobs::status{} : jobs::status{std::move(run).error()};
}

fault broken(std::string what) {
  return {
      .code = fault_code::internal, .what = std::move(what), .where = "ledger"};
}

/// job-engine B.3; the schema checks the same.
std::string lane_of(const jobs::job_record& job) {
  if (job.server_row == 0)
    return "node";
  const auto lane = "server:" + std::to_string(job.server_row);
  return job.lane.empty() ? lane : lane + ":" + job.lane;
}

bool same(const jobs::step_record& a, const jobs::step_record& b) {
  return a.state == b.state && a.attempt == b.attempt && a.crashes == b.crashes
         && a.output == b.output && a.error == b.error
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

// -- accept -------------------------------------------------------------------

jobs::result<jobs::accepted> job_store::accept(const jobs::acceptance& what,
                                               ledger_news& news) {
  auto earlier = find_earlier(what);
  if (!earlier)
    return std::move(earlier).error();
  if (!*earlier)
    return accept_new(what, news);
  if ((*earlier)->outcome == jobs::accept_outcome::joined)
    if (auto kept = remember_key(what, (*earlier)->job.row); !kept)
      return std::move(kept).error();
  return **std::move(earlier);
}

/// The job this request made before, or the live one it would only repeat.
jobs::result<std::optional<jobs::accepted>>
job_store::find_earlier(const jobs::acceptance& what) {
  const auto given = [this](std::int64_t row, jobs::accept_outcome outcome)
      -> jobs::result<std::optional<jobs::accepted>> {
    auto job = read(row);
    if (!job)
      return std::move(job).error();
    return std::optional{jobs::accepted{*std::move(job), outcome}};
  };
  if (what.key) {
    const auto& key = *what.key;
    auto known = on_.ask(ledger_sql("find_key"), key.principal, key.key);
    const bool found = known.next();
    if (auto ended = known.outcome(); !ended)
      return std::move(ended).error();
    const bool live = found && !known.is_null(3) && known.integer(3) == 0;
    if (found && (live || known.integer(2) > clock_.now())) {
      if (known.text(0) != key.fingerprint)
        return fault{.code = fault_code::idempotency_mismatch,
                     .what = "the Idempotency-Key was used for another "
                             "request"};
      if (known.is_null(1))
        return fault{.code = fault_code::job_expired,
                     .what = "the job of this Idempotency-Key was forgotten"};
      return given(known.integer(1), jobs::accept_outcome::replayed);
    }
  }
  if (what.job.dedup_key.empty())
    return std::optional<jobs::accepted>{};
  auto live = on_.ask(ledger_sql("live_job_of_key"), what.job.dedup_key);
  if (live.next())
    return given(live.integer(0), jobs::accept_outcome::joined);
  if (auto ended = live.outcome(); !ended)
    return std::move(ended).error();
  return std::optional<jobs::accepted>{};
}

jobs::result<jobs::accepted> job_store::accept_new(const jobs::acceptance& what,
                                                   ledger_news& news) {
  jobs::job_record job = what.job;
  // Given out here and not by SQLite: the server row that the job registers
  // names its owner before the job is inserted.
  job.row = ++last_job_row_;
  job.version = 1;
  server_changes changes{on_, job, server_changes::occasion::accept,
                         clock_.now()};
  if (auto inherited = changes.inherit(); !inherited)
    return std::move(inherited).error();
  for (const auto& change : what.changes)
    if (auto applied = changes.apply(change); !applied)
      return std::move(applied).error();
  job.lane = lane_of(job);
  if (auto inserted = insert(job); !inserted)
    return std::move(inserted).error();
  if (auto locked = take_locks(job, what.locks); !locked)
    return std::move(locked).error();
  if (auto kept = remember_key(what, job.row); !kept)
    return std::move(kept).error();
  if (auto told =
          tell_events(job, {{"job.accepted", R"({"state":"queued"})"}}, news);
      !told)
    return std::move(told).error();
  if (auto told = tell_servers(changes, news); !told)
    return std::move(told).error();
  news.jobs.push_back(job);
  return jobs::accepted{std::move(job), jobs::accept_outcome::created};
}

jobs::status job_store::remember_key(const jobs::acceptance& what,
                                     std::int64_t job_row) {
  if (!what.key)
    return {};
  const auto& key = *what.key;
  const auto now = clock_.now();
  // Only one that is over can be there.
  auto dropped = on_.run(ledger_sql("drop_key"), key.principal, key.key);
  if (!dropped)
    return std::move(dropped).error();
  return outcome_of(on_.run(ledger_sql("remember_key"), key.principal, key.key,
                            key.fingerprint, job_row, now,
                            now + keys_kept_.count()));
}

jobs::status job_store::insert(const jobs::job_record& job) {
  auto inserted = on_.run(
      ledger_sql("insert_job"), job.row, job.id.view(), job.kind,
      job.plan_version, or_null{job.server_row}, or_null{job.server.view()},
      job.lane, job.pool, job.priority, to_string(job.state), job.version,
      or_null{job.dedup_key}, job.input, or_null{job.result},
      or_null{stored(job.error)}, job.reason, job.message, job.attempt,
      job.max_attempts, job.crashes, job.past_pivot,
      or_null{job.cancel_requested_at}, or_null{job.boot},
      or_null{job.retry_of.view()}, job.run_at, or_null{job.deadline_at},
      job.created_at, or_null{job.started_at}, or_null{job.finished_at},
      or_null{job.expires_at}, job.answer_after);
  if (!inserted)
    return explain_insert(job, std::move(inserted).error());
  std::int64_t seq = 0;
  for (const auto& step : job.steps) {
    auto made = on_.run(ledger_sql("insert_step"), job.row, seq++, step.name,
                        to_string(step.cls), to_string(step.state));
    if (!made)
      return std::move(made).error();
  }
  return {};
}

/// The usual reason why a new job is refused is a server that is leaving.
jobs::status job_store::explain_insert(const jobs::job_record& job, fault why) {
  if (why.code != fault_code::internal || job.server_row == 0)
    return why;
  auto owner = on_.ask(ledger_sql("owner_of_server"), job.server_row);
  if (!owner.next())
    return why;
  if (owner.text(0) == "deleted")
    return fault{.code = fault_code::server_not_found,
                 .what = "server " + job.server.to_string() + " was deleted"};
  if (owner.text(0) == "deleting" && owner.integer(2) != job.row)
    return fault{.code = fault_code::server_locked,
                 .what =
                     "server " + job.server.to_string() + " is being deleted",
                 .where = "ledger",
                 .in_the_way = owner.text(1)};
  return why;
}

// -- save ---------------------------------------------------------------------

jobs::result<jobs::job_record> job_store::save(const jobs::save& what,
                                               ledger_news& news) {
  jobs::job_record after = what.after;
  if (auto checked = check_version(after); !checked)
    return std::move(checked).error();
  server_changes changes{on_, after, server_changes::occasion::save,
                         clock_.now()};
  for (const auto& change : what.changes)
    if (auto applied = changes.apply(change); !applied)
      return std::move(applied).error();
  if (auto updated = update_steps(after); !updated)
    return std::move(updated).error();
  const auto held =
      after.is_done() ? changes.let_go() : take_locks(after, what.locks);
  if (!held)
    return held.error();
  if (auto updated = update(after); !updated)
    return std::move(updated).error();
  if (auto told = tell_events(after, what.events, news); !told)
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
               ? broken("there is no job row " + std::to_string(after.row))
               : before.outcome();
  if (before.integer(0) + 1 != after.version)
    return broken("job " + after.id.to_string() + " has version "
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
    return broken("job " + after.id.to_string() + " has "
                  + std::to_string(before.steps.size()) + " steps, not "
                  + std::to_string(after.steps.size()));
  for (std::size_t i = 0; i < after.steps.size(); ++i) {
    const auto& step = after.steps[i];
    if (same(before.steps[i], step))
      continue;
    auto updated = on_.run(ledger_sql("update_step"), after.row,
                           static_cast<std::int64_t>(i), to_string(step.state),
                           step.attempt, step.crashes, or_null{step.output},
                           or_null{stored(step.error)},
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
      or_null{after.expires_at});
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
    return fault{.code = fault_code::server_locked,
                 .what = "job " + id.to_string() + " has not ended",
                 .in_the_way = id.to_string()};
  auto gone = on_.run(ledger_sql("delete_job"), found.integer(0));
  if (!gone && gone.error().code != fault_code::internal)
    return std::move(gone).error();
  // A delete that was given up: its server or its files still need it. The
  // trash refuses at once, the server only at the end of the transaction.
  if (!gone || on_.has_broken_reference())
    return fault{.code = fault_code::server_locked,
                 .what = "job " + id.to_string()
                         + " still answers for a server or its files",
                 .where = "ledger"};
  news.forgotten.push_back(id);
  return {};
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
    auto inserted = on_.run(ledger_sql("insert_event"), job.row, draft.type,
                            job.version, now, draft.data);
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
                           .data = draft.data});
  }
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
               ? broken("there is no job row " + std::to_string(job_row))
               : found.outcome().error();
  auto job = read_job(found);
  if (auto got = read_steps(on_, ledger_sql("steps_of_job"), job); !got)
    return std::move(got).error();
  return job;
}

} // namespace alula::storage
