// The part of the keeper that judges the ends of servers nobody has asked for.
#include "actors/server_keeper.hpp"
#include "jobs/log.hpp"
#include "jobs/server_config.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace alula::actors {

using jobs::crash_verdict;
using jobs::server_state;

namespace {

/// From the end of the first container to that of dockerd itself; each has ten
/// seconds to end.
constexpr std::chrono::milliseconds docker_stop_takes{30'000};

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

} // namespace alula::actors
