// The part of the keeper that judges the ends of servers nobody has asked for,
// and those of jobs that have stopped a server for nothing.
#include "actors/server_keeper.hpp"
#include "jobs/log.hpp"
#include "jobs/server_config.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::actors {

using jobs::crash_verdict;
using jobs::server_state;

namespace {

/// From the end of the first container to that of dockerd itself; each has ten
/// seconds to end.
constexpr std::chrono::milliseconds docker_stop_takes{30'000};

/// One that was broken off says nothing: it had something to stop.
bool had_nothing_to_stop(const jobs::step_record& stop) {
  const auto told = nlohmann::json::parse(stop.output, nullptr, false);
  return told.is_object() && !told.value("ran", true);
}

/// Of a reinstallation that has ended: it has begun to stop its server, which
/// ran, and no script could touch a file.
bool has_only_stopped(const jobs::job_record& job) {
  const auto* stop = job.find_step("stop");
  const auto* run = job.find_step("run");
  const bool went_wrong = job.state == jobs::job_state::failed
                          || job.state == jobs::job_state::cancelled;
  return went_wrong && stop && stop->started_at != 0
         && !had_nothing_to_stop(*stop) && run && run->started_at == 0;
}

/// While one lives, its end says how the server goes on.
bool decides_what_runs(const jobs::job_record& job) {
  constexpr std::array<std::string_view, 3> kinds{
      "server.power", "server.install", "server.reinstall"};
  return std::ranges::find(kinds, job.kind) != kinds.end();
}

/// Its end is heard, and leads to something.
bool leads_on(const jobs::job_record& job) {
  constexpr std::array<std::string_view, 3> kinds{
      "server.transfer", "server.create", "server.undelete"};
  return decides_what_runs(job)
         || std::ranges::find(kinds, job.kind) != kinds.end();
}

} // namespace

void server_keeper::crashed(const jobs::server_id& id,
                            const jobs::process_end& ended) {
  const auto server = engine_.find_server(id);
  if (!server || server->state == server_state::deleting)
    return;
  const auto config = jobs::parse_server_config(server->config);
  const auto verdict = jobs::judge_crash(
      settings_.crashes, config ? config->crash_detection : std::nullopt, ended,
      last_answered(*server), clock_.now());
  jobs::log(jobs::log_level::warning, "server-ended",
            {{"server", id.view()},
             {"exit_code", ended.exit_code},
             {"out_of_memory", ended.out_of_memory ? 1 : 0}});
  if (verdict == crash_verdict::unwatched)
    board_.say(id, "Aborting automatic restart, crash detection is disabled "
                   "for this instance.");
  if (verdict == crash_verdict::start || verdict == crash_verdict::too_soon) {
    board_.say(id, "---------- Detected server process in a crashed state! "
                   "----------");
    board_.say(id, "Exit code: " + std::to_string(ended.exit_code));
    board_.say(id, std::string{"Out of memory: "}
                       + (ended.out_of_memory ? "true" : "false"));
  }
  if (verdict == crash_verdict::too_soon)
    board_.say(id,
               "Aborting automatic restart, last crash occurred less than "
                   + std::to_string(settings_.crashes.timeout.count() / 1000)
                   + " seconds ago.");
  std::vector<jobs::change> noted;
  if (verdict != crash_verdict::clean_end)
    noted.emplace_back(jobs::note_crash{id, clock_.now(), ended.exit_code,
                                        ended.out_of_memory});
  // Who has stopped by himself is not started by a boot either.
  const bool again = verdict == crash_verdict::start && server->wanted_up;
  if (again)
    note_answered(id);
  if (server->wanted_up)
    ended_lately_.push_back({clock_.now(), id, !again});
  while (ended_lately_.size() > 1
         && ended_lately_.front().at < clock_.now() - docker_stop_takes.count())
    ended_lately_.pop_front();
  // A start that somebody has asked for since is the newer wish.
  if (!again)
    noted.emplace_back(jobs::want_power{
        .up = false, .server = id, .unless_start_waits = true});
  amend(std::move(noted), [this, id, again] {
    if (again)
      queue_start(id, "crash");
  });
}

/// One that was too soon does not count: it has led to no start, and whoever
/// started the server since has waited (wings-protocol 8.7). Of the time before
/// this process only the last of all is known.
jobs::time_ms
server_keeper::last_answered(const jobs::server_record& server) const {
  if (const auto known = answered_.find(server.uuid); known != answered_.end())
    return known->second;
  return server.crashed_at < begun_at_ ? server.crashed_at : 0;
}

void server_keeper::note_answered(const jobs::server_id& server) {
  const auto now = clock_.now();
  std::erase_if(answered_, [&](const auto& each) {
    return now - each.second >= settings_.crashes.timeout.count();
  });
  answered_[server] = now;
}

/// A dockerd that stops ends its containers first, and they look as if they had
/// ended by themselves. What ran is started when dockerd is back.
void server_keeper::docker_away() {
  const auto since = clock_.now() - docker_stop_takes.count();
  for (const auto& end : std::exchange(ended_lately_, {})) {
    const auto server = engine_.find_server(end.server);
    const bool is_unwanted = server && !server->wanted_up && !end.withdrawn;
    if (end.at < since || !server || !may_be_started(*server) || is_unwanted)
      continue;
    board_.say(end.server, "Docker has stopped, and the server with it; it is "
                           "started when Docker is back.");
    amend({jobs::want_power{.up = true, .server = end.server}},
          [this, id = end.server] { queue_start(id, "docker"); });
  }
}

/// What has happened is read from the job's own record: how the server is now
/// tells nothing of who has stopped it.
void server_keeper::reinstall_failed(const jobs::job_id& id) {
  if (const auto found = queries_.find_job(id); found && *found)
    start_if_only_stopped(**found);
}

/// It kept the server from being started when a reinstallation before it
/// failed. Unless that step of it has begun, it has done nothing that would
/// start the server, or be a reason to leave it down.
void server_keeper::ended_in_line(const jobs::job_id& id,
                                  std::string_view step) {
  const auto found = queries_.find_job(id);
  if (!found || !*found)
    return;
  const auto& ended = **found;
  const auto* first = ended.find_step(step);
  if (first && first->started_at == 0)
    start_if_left_by_reinstall(ended.server);
}

bool server_keeper::is_left_to_an_end(const jobs::server_id& server) const {
  return std::ranges::any_of(engine_.live_jobs(server), leads_on);
}

/// When it has ended does not count: who hears of its end, or of that of a job
/// behind it, may be late, and a start that was wished for then may have been
/// refused since.
bool server_keeper::start_if_left_by_reinstall(const jobs::server_id& server) {
  if (is_in_queue(server))
    return true;
  const auto now = engine_.find_server(server);
  const auto last = newest_of(server, "server.reinstall");
  const bool is_of_it = now && last && last->server_row == now->row;
  return is_of_it && has_only_stopped(*last) && !is_decided_since(*last)
         && start_if_only_stopped(*last);
}

/// Somebody has asked for the server's power since, or an installation has
/// begun that may have changed its files.
bool server_keeper::is_decided_since(const jobs::job_record& reinstall) const {
  const auto came_later = [&](const std::optional<jobs::job_record>& job) {
    return job && job->row > reinstall.row
           && (!job->is_done() || job->finished_at >= reinstall.finished_at);
  };
  const auto install = newest_of(reinstall.server, "server.install");
  const auto* begin = install ? install->find_step("begin") : nullptr;
  return came_later(newest_of(reinstall.server, "server.power"))
         || (came_later(install) && (!begin || begin->started_at != 0));
}

std::optional<jobs::job_record>
server_keeper::newest_of(const jobs::server_id& server,
                         std::string_view kind) const {
  auto page =
      queries_.list_jobs({.server = server, .kind = std::string{kind}}, 0, 1);
  if (!page || page->items.empty())
    return std::nullopt;
  return std::move(page->items.front());
}

/// True when it does. One that is still on its way down is awaited by a
/// restart.
bool server_keeper::start_if_only_stopped(const jobs::job_record& reinstall) {
  if (!has_only_stopped(reinstall))
    return false;
  const auto& id = reinstall.server;
  const auto server = engine_.find_server(id);
  const auto now = board_.state(id);
  const bool goes_down = now == jobs::process_state::offline
                         || now == jobs::process_state::stopping;
  if (!server || !server->wanted_up || !may_be_started(*server) || !goes_down
      || std::ranges::any_of(engine_.live_jobs(id), decides_what_runs))
    return false;
  board_.say(id, "The reinstallation has ended before it changed a file; the "
                 "server is started again.");
  if (now == jobs::process_state::offline)
    queue_start(id, "reinstall");
  else
    submit("server.power", id, R"({"action":"restart","cause":"reinstall"})");
  return true;
}

} // namespace alula::actors
