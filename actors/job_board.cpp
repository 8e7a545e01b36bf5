#include "actors/job_board.hpp"

#include "jobs/advice.hpp"

#include <algorithm>
#include <utility>

namespace alula::actors {

namespace {

/// The step a worker is, or was last, busy with; -1: none.
int moving_step(const jobs::job_record& job) {
  for (std::size_t i = 0; i < job.steps.size(); ++i)
    if (job.steps[i].state == jobs::step_state::started
        || job.steps[i].state == jobs::step_state::undoing)
      return static_cast<int>(i);
  return -1;
}

/// Waits for its turn, or for a condition: Docker, the Panel, a store, a disk.
/// A parked job has a count of its own, and files that are kept as promised
/// wait for nothing that anybody could mend.
bool is_held_up(const jobs::job_record& j) {
  return j.state == jobs::job_state::queued
         || (j.state == jobs::job_state::retry_wait && j.reason != "Retained");
}

} // namespace

job_board::shard& job_board::shard_of(const jobs::job_id& id) const {
  return shards_[std::hash<jobs::job_id>{}(id) % shards_.size()];
}

void job_board::fill(const jobs::recovery& found) {
  for (const auto& server : found.servers)
    show_server(std::make_shared<const jobs::server_record>(server));
  for (const auto& job : found.jobs) {
    auto& home = shard_of(job.id);
    const std::unique_lock lock{home.mutex};
    home.jobs[job.id].view =
        std::make_shared<jobs::job_view>(job, std::nullopt, 0);
    keep_count(nullptr, job, true);
  }
}

std::vector<jobs::job_view_ptr>
job_board::apply(const std::vector<jobs::job_record>& records,
                 const std::vector<jobs::server_ptr>& servers) {
  for (const auto& server : servers)
    show_server(server);
  std::vector<jobs::job_view_ptr> views;
  views.reserve(records.size());
  for (const auto& record : records)
    views.push_back(show(record));
  {
    const std::scoped_lock lock{applied_mutex_};
    ++applies_;
  }
  applied_.notify_all();
  return views;
}

jobs::job_view_ptr job_board::show(const jobs::job_record& record) {
  jobs::job_view_ptr before;
  jobs::job_view_ptr now;
  {
    auto& home = shard_of(record.id);
    const std::unique_lock lock{home.mutex};
    auto& place = home.jobs[record.id];
    before = place.view;
    if (before && before->record().version > record.version)
      return before;
    std::optional<jobs::progress> progress;
    if (before && before->current_progress()
        && moving_step(before->record()) == moving_step(record)
        && !record.is_done())
      progress = before->current_progress();
    now = std::make_shared<jobs::job_view>(record, std::move(progress),
                                           place.progress_revision);
    place.view = now;
  }
  keep_count(before ? &before->record() : nullptr, record, false);
  const bool was_done = before && before->record().is_done();
  if (record.is_done() && !was_done)
    keep_ended(record.id);
  return now;
}

void job_board::show_server(const jobs::server_ptr& server) {
  const std::unique_lock lock{servers_mutex_};
  const auto place = servers_.find(server->uuid);
  const bool known = place != servers_.end();
  if (server->state == jobs::server_state::deleted) {
    // A newer incarnation of the uuid stays.
    if (known && place->second->row == server->row)
      servers_.erase(place);
  } else if (!known) {
    servers_.emplace(server->uuid, server);
  } else if (place->second->row <= server->row) {
    place->second = server;
  }
}

/// One that tries again counts from when its step came no further, not from the
/// first try of it, which may have worked for hours.
job_board::wait job_board::wait_of(const jobs::job_record& j) {
  if (j.state != jobs::job_state::retry_wait)
    return {std::max(j.created_at, j.run_at), j.row};
  return {j.held_since == 0 ? jobs::waiting_since(j) : j.held_since, j.row};
}

void job_board::keep_count(const jobs::job_record* before,
                           const jobs::job_record& after, bool at_boot) {
  const std::scoped_lock lock{counters_mutex_};
  if (before && !before->is_done()) {
    --counts_[{before->kind, before->state}];
    waiting_.erase(wait_of(*before));
  }
  if (!after.is_done()) {
    ++counts_[{after.kind, after.state}];
    if (is_held_up(after))
      waiting_.insert(wait_of(after));
  } else if (!at_boot && before && !before->is_done()) {
    ++ended_since_boot_;
  }
}

void job_board::keep_ended(const jobs::job_id& id) {
  std::vector<jobs::job_id> too_old;
  {
    const std::scoped_lock lock{counters_mutex_};
    ended_.push_back(id);
    while (ended_.size() > ended_kept_) {
      too_old.push_back(ended_.front());
      ended_.pop_front();
    }
  }
  forget(too_old);
}

void job_board::forget(const std::vector<jobs::job_id>& ended) {
  for (const auto& id : ended) {
    auto& home = shard_of(id);
    const std::unique_lock lock{home.mutex};
    const auto place = home.jobs.find(id);
    if (place != home.jobs.end() && place->second.view->record().is_done())
      home.jobs.erase(place);
  }
}

jobs::job_view_ptr job_board::show_progress(const jobs::job_id& id,
                                            const jobs::progress& p) {
  auto& home = shard_of(id);
  const std::unique_lock lock{home.mutex};
  const auto place = home.jobs.find(id);
  if (place == home.jobs.end() || place->second.view->record().is_done())
    return nullptr;
  auto& shown = place->second;
  shown.view = std::make_shared<jobs::job_view>(shown.view->record(), p,
                                                ++shown.progress_revision);
  return shown.view;
}

jobs::job_view_ptr job_board::peek(const jobs::job_id& id) const {
  const auto& home = shard_of(id);
  const std::shared_lock lock{home.mutex};
  const auto place = home.jobs.find(id);
  return place == home.jobs.end() ? nullptr : place->second.view;
}

jobs::job_view_ptr
job_board::await_version(const jobs::job_id& id, std::int64_t version,
                         std::chrono::milliseconds limit) const {
  const auto until = std::chrono::steady_clock::now() + limit;
  std::unique_lock lock{applied_mutex_};
  for (;;) {
    auto view = peek(id);
    if (!view || view->record().version >= version)
      return view;
    const auto seen = applies_;
    if (!applied_.wait_until(lock, until, [&] { return applies_ != seen; }))
      return view;
  }
}

/// Oldest first. Only what is wanted is copied: there may be thousands.
template<class Wanted>
std::vector<jobs::job_record> job_board::live_ones(Wanted wanted) const {
  std::vector<jobs::job_record> out;
  for (const auto& home : shards_) {
    const std::shared_lock lock{home.mutex};
    for (const auto& [id, shown] : home.jobs)
      if (const auto& job = shown.view->record(); !job.is_done() && wanted(job))
        out.push_back(job);
  }
  std::ranges::sort(out, {}, &jobs::job_record::row);
  return out;
}

std::vector<jobs::job_record> job_board::live_jobs() const {
  return live_ones([](const auto&) { return true; });
}

std::vector<jobs::job_record>
job_board::live_jobs(std::int64_t server_row) const {
  return live_ones(
      [server_row](const auto& job) { return job.server_row == server_row; });
}

jobs::server_ptr job_board::find_server(const jobs::server_id& id) const {
  const std::shared_lock lock{servers_mutex_};
  const auto place = servers_.find(id);
  return place == servers_.end() ? nullptr : place->second;
}

std::vector<jobs::server_ptr> job_board::list_servers() const {
  std::vector<jobs::server_ptr> out;
  const std::shared_lock lock{servers_mutex_};
  out.reserve(servers_.size());
  for (const auto& [id, server] : servers_)
    out.push_back(server);
  return out;
}

void job_board::count(jobs::summary& into) const {
  const std::scoped_lock lock{counters_mutex_};
  for (const auto& [what, count] : counts_) {
    if (count <= 0)
      continue;
    const auto& kind = what.first;
    const std::string state{to_string(what.second)};
    into.jobs_by_state[state] += count;
    into.jobs_by_kind[kind] += count;
    into.jobs_by_kind_and_state[{kind, state}] = count;
  }
  into.oldest_waiting_since = waiting_.empty() ? 0 : waiting_.begin()->first;
  into.ended_since_boot = ended_since_boot_;
}

} // namespace alula::actors
