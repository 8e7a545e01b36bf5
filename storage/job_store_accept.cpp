// The part of the job store that takes new jobs: what a request made before, or
// a job with its steps, changes and locks.
#include "storage/job_store.hpp"
#include "storage/ledger_sql.hpp"
#include "storage/server_changes.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;

namespace {

/// job-engine B.3; the schema checks the same.
std::string lane_of(const jobs::job_record& job) {
  if (job.server_row == 0)
    return "node";
  const auto lane = "server:" + std::to_string(job.server_row);
  return job.lane.empty() ? lane : lane + ":" + job.lane;
}

} // namespace

jobs::result<jobs::accepted> job_store::accept(const jobs::acceptance& what,
                                               ledger_news& news) {
  auto earlier = find_earlier(what);
  if (!earlier)
    return std::move(earlier).error();
  if (!*earlier)
    return accept_new(what, news);
  if ((*earlier)->outcome == jobs::accept_outcome::joined)
    if (auto kept = remember_key(what.key, (*earlier)->job.row); !kept)
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
                         clock_.now(), tells_panel_};
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
  if (auto kept = remember_key(what.key, job.row); !kept)
    return std::move(kept).error();
  if (auto told =
          tell_events(job, {{"job.accepted", R"({"state":"queued"})"}}, news);
      !told)
    return std::move(told).error();
  if (auto told = tell_reports(changes, news); !told)
    return std::move(told).error();
  if (auto told = tell_servers(changes, news); !told)
    return std::move(told).error();
  news.jobs.push_back(job);
  return jobs::accepted{std::move(job), jobs::accept_outcome::created};
}

jobs::status
job_store::remember_key(const std::optional<jobs::idempotency>& key,
                        std::int64_t job_row) {
  if (!key)
    return {};
  const auto now = clock_.now();
  // Only one that is over can be there, or the same.
  auto dropped = on_.run(ledger_sql("drop_key"), key->principal, key->key);
  if (!dropped)
    return std::move(dropped).error();
  auto kept = on_.run(ledger_sql("remember_key"), key->principal, key->key,
                      key->fingerprint, job_row, now, now + keys_kept_.count());
  return kept ? jobs::status{} : jobs::status{std::move(kept).error()};
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
    auto made =
        on_.run(ledger_sql("insert_step"), job.row, seq++, step.name,
                to_string(step.cls), to_string(jobs::step_state::pending));
    if (!made)
      return std::move(made).error();
  }
  // All start pending; what the request does not need is skipped at once.
  const bool skips = std::ranges::any_of(job.steps, [](const auto& step) {
    return step.state == jobs::step_state::skipped;
  });
  return skips ? update_steps(job) : jobs::status{};
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

} // namespace alula::storage
