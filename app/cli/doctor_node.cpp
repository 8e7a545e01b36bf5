#include "app/cli/commands.hpp"
#include "app/cli/findings.hpp"
#include "app/cli/long_waits.hpp"
#include "app/cli/orphans.hpp"
#include "app/cli/terminal.hpp"
#include "app/life_settings.hpp"
#include "app/places.hpp"
#include "remote/docker.hpp"

#include <algorithm>
#include <ctime>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace alula::app::cli {

namespace {

// -- what only the running node knows
// -------------------------------------------

/// By name, so that it is told from one that has begun since.
job_trace trace_of(client& node, const std::string& job) {
  return trace_in(node.ask("GET", "/api/jobs/" + job));
}

std::optional<std::set<std::string>> uuids_of_servers(client& node) {
  const auto listed = node.ask("GET", "/api/servers");
  if (listed.status != 200)
    return std::nullopt;
  std::set<std::string> out;
  for (const auto& one : listed.body)
    out.insert(one.at("configuration").at("uuid"));
  return out;
}

/// Whether a job may be about to give the server its files, or take them: one
/// that is brought back has them before it is registered. A delete that only
/// keeps what is in the trash does neither.
bool is_worked_on(client& node, const std::string& server) {
  const auto live = node.ask("GET", "/api/jobs?done=false&server=" + server);
  if (live.status != 200)
    return true;
  for (const auto& job : live.body.at("items"))
    if (text_of(job, "reason", "") != "Retained")
      return true;
  return false;
}

/// The jobs first: one that ends in between has registered its server by then,
/// or has taken its files away.
gone_lookup gone_from(client& node) {
  return gone_by_list(
      [&node] { return uuids_of_servers(node); },
      [&node](const std::string& server) {
        return !is_worked_on(node, server)
               && node.ask("GET", "/api/servers/" + server).status == 404;
      });
}

bool look_at_containers_of(client& node, const config& c, findings& out) {
  auto socket = docker_socket(c);
  if (!socket)
    return true;
  remote::docker docker{docker_settings_of(c, *std::move(socket))};
  return look_at_containers(docker, gone_from(node), out);
}

/// What lies on this machine, held against what the node knows.
bool look_at_machine_of(client& node, const config& c, findings& out) {
  if (!is_node_here(node.node(), c)) {
    out.note("orphans",
             "the node was asked at " + node.node().url + ", which is not "
                 + url_of(c)
                 + " of the config here: no files and containers were looked "
                   "at",
             "On the machine of that node, leave out --url and ALULA_URL.");
    return false;
  }
  const auto ask = [&](const std::string& job) { return trace_of(node, job); };
  bool clean = look_at_volumes(c.system.data, gone_from(node), out);
  clean = look_at_trash(trash_directory(c), ask, out) && clean;
  clean = look_at_staging(staging_directory(c), ask, out) && clean;
  return look_at_containers_of(node, c, out) && clean;
}

void look_for_orphans(client& node, const config& c, findings& out) {
  bool clean = look_at_machine_of(node, c, out);
  const auto gone = node.ask("GET", "/api/backups?orphaned=true&limit=200");
  if (gone.status == 200 && !gone.body.at("items").empty()) {
    clean = false;
    out.note("orphans",
             std::to_string(gone.body.at("items").size())
                 + (gone.body.value("has_more", false) ? " and more" : "")
                 + " backups belong to servers that are gone",
             "`alula backups list` shows them; delete what nobody wants.");
  }
  if (clean)
    out.good("orphans", "no files without a server");
}

/// Of many that wait for the same, a few stand for all.
bool look_at_waiting(client& node, findings& out) {
  constexpr int few = 5;
  const auto live = node.ask("GET", "/api/jobs?done=false&limit=200");
  if (live.status != 200)
    return false;
  std::map<std::string, int> waiting; // by reason
  for (const auto& job : live.body.at("items")) {
    const auto waits = long_wait_of(job, std::time(nullptr));
    if (!waits || ++waiting[text_of(job, "reason", "")] > few)
      continue;
    const auto id = job.at("id").get<std::string>();
    out.note(
        "jobs", job.at("kind").get<std::string>() + " " + id + " " + *waits,
        text_of(job, "advice",
                "`alula jobs show " + id + "` says what its steps ran into."));
  }
  for (const auto& [reason, count] : waiting)
    if (count > few)
      out.note("jobs",
               std::to_string(count - few) + " more jobs wait so (" + reason
                   + ")",
               "`alula jobs --live` shows them.");
  return !waiting.empty();
}

/// A pool that somebody has paused and forgotten holds its jobs for ever.
void look_at_pools(const json& summary, findings& out) {
  bool some = false;
  for (const auto& pool : summary.at("pools")) {
    if (pool.at("paused_at").is_null())
      continue;
    some = true;
    const auto name = pool.at("name").get<std::string>();
    const auto since = pool.at("paused_at").get<std::string>();
    const auto by = text_of(pool, "paused_by", "");
    const auto why = text_of(pool, "pause_reason", "");
    const auto waiting = pool.value("waiting", 0);
    out.note("pools",
             "the pool \"" + name + "\" is paused since " + since + " ("
                 + ago_text(since) + ")"
                 + (by.empty() ? ", nobody knows by whom" : " by " + by)
                 + (why.empty() ? "" : ": " + why) + "; "
                 + std::to_string(waiting)
                 + (waiting == 1 ? " job waits" : " jobs wait") + " for it",
             "`alula pools resume " + name
                 + "` when what it was paused for is over.");
  }
  if (!some)
    out.good("pools", "no pool is paused");
}

void look_at_jobs(client& node, findings& out) {
  const auto parked = node.ask("GET", "/api/jobs?state=parked&limit=50");
  if (parked.status != 200)
    return;
  for (const auto& job : parked.body.at("items"))
    out.bad("jobs",
            job.at("kind").get<std::string>() + " "
                + job.at("id").get<std::string>() + " is parked: "
                + text_of(job, "message", text_of(job, "reason")),
            text_of(job, "advice", "") + " `alula jobs retry "
                + job.at("id").get<std::string>()
                + "` gives it another go, `abandon` gives it up.");
  const bool some_wait = look_at_waiting(node, out);
  const auto sum = node.get("/api/jobs/summary");
  look_at_pools(sum, out);
  const auto dead = sum.at("outbox").value("dead", 0);
  if (dead > 0)
    out.bad("outbox", std::to_string(dead) + " reports were never told",
            "`alula outbox --state dead` says what the Panel objected to; mend "
            "that, then `alula outbox retry` tells it one again.");
  const auto oldest = seconds_of(sum.at("outbox").at("oldest_open_since"));
  if (oldest != 0 && std::time(nullptr) - oldest > 3'600)
    out.note("outbox",
             "the Panel has not been told something for "
                 + duration_text(std::time(nullptr) - oldest),
             "`alula outbox` says why.");
  if (parked.body.at("items").empty() && !some_wait && dead == 0)
    out.good("jobs", "no job needs anybody");
}

/// Those of the list that are still silent when each is asked about.
std::vector<json> silent_servers(client& node, const json& listed,
                                 std::size_t most) {
  std::vector<json> out;
  for (const auto& one : listed) {
    if (one.value("unresponsive", json(nullptr)).is_null())
      continue;
    const auto uuid = one.at("configuration").at("uuid").get<std::string>();
    const auto now = node.ask("GET", "/api/servers/" + escaped(uuid));
    if (now.status == 200
        && !now.body.value("unresponsive", json(nullptr)).is_null())
      out.push_back(now.body);
    if (out.size() > most)
      break;
  }
  return out;
}

/// One container that hangs holds no other, and so may go unnoticed.
void look_at_servers(client& node, findings& out) {
  constexpr std::size_t few = 5;
  const auto listed = node.ask("GET", "/api/servers");
  if (listed.status != 200)
    return;
  const auto silent = silent_servers(node, listed.body, few);
  if (silent.empty())
    return out.good("servers", "no server is unresponsive");
  if (silent.size() > few)
    return out.bad("servers",
                   "Docker does not answer for the containers of more than "
                       + std::to_string(few) + " servers",
                   "That is Docker itself rather than a container: "
                   "`systemctl status docker`, `journalctl -u docker`.");
  for (const auto& one : silent) {
    const auto& silence = one.at("unresponsive");
    const auto& about = one.at("configuration");
    const auto uuid = about.at("uuid").get<std::string>();
    const auto since = silence.at("since").get<std::string>();
    out.bad("servers",
            "Docker does not answer for the container of "
                + about.at("meta").value("name", "") + " (" + uuid + ") since "
                + since + " (" + ago_text(since)
                + "): " + text_of(silence, "why"),
            "Other servers go on. If `docker inspect " + uuid
                + "` hangs too, `alula servers kill` may end it; else its "
                  "disk or its containerd-shim hangs: look into the kernel's "
                  "log, and restart Docker (`systemctl restart docker`) when "
                  "players can bear it.");
  }
}

/// Only the running node knows what it has promised.
void look_at_promises(const json& usage, findings& out) {
  for (const auto& disk : usage.value("disks", json::array())) {
    if (text_of(disk, "room", "") != "none"
        || disk.at("unused") < disk.at("kept_free"))
      continue; // room enough, or said of the directory
    std::string names;
    for (const auto& held : disk.at("holds"))
      names += (names.empty() ? "" : ", ") + held.get<std::string>();
    out.note("space",
             "the disk of " + names + " has no room left: of "
                 + bytes_text(disk.at("unused")) + " that are free, "
                 + bytes_text(disk.at("reserved"))
                 + " are promised to running jobs and "
                 + bytes_text(disk.at("kept_free")) + " are kept free",
             "Backups and restores are refused until those jobs have ended; "
             "`alula jobs --live` shows them.");
  }
}

void look_at_backups(client& node, findings& out) {
  const auto usage = node.ask("GET", "/api/backups/usage");
  const auto servers = node.ask("GET", "/api/servers");
  if (usage.status != 200 || servers.status != 200)
    return;
  look_at_promises(usage.body, out);
  std::set<std::string> fresh;
  constexpr std::int64_t two_days = 172'800;
  for (const auto& one : usage.body.at("servers"))
    if (one.at("server").is_string()
        && std::time(nullptr) - seconds_of(one.at("newest_at")) < two_days)
      fresh.insert(one.at("server"));
  std::size_t without = 0;
  for (const auto& one : servers.body)
    if (!fresh.contains(one.at("configuration").at("uuid")))
      ++without;
  if (without > 0)
    out.note("backups",
             std::to_string(without) + " of "
                 + std::to_string(servers.body.size())
                 + " servers have no good backup of the last two days",
             "`alula servers` shows which; make some, or a schedule in the "
             "Panel.");
}

} // namespace

void look_at_node(const asked_node& asked, const config& c, findings& out) {
  client node{find_node(asked)};
  const auto alive = node.ask("GET", "/healthz");
  const auto& url = node.node().url;
  if (alive.status == 0)
    return out.note("node", "no node answers at " + url,
                    "Start it (`systemctl start alula`); what only it knows "
                    "was not looked at.");
  const auto ready = node.ask("GET", "/readyz");
  if (ready.status != 200)
    return out.note("node", "the node starts: " + text_of(ready.body, "detail"),
                    "Wait; the log says what it is doing.");
  if (node.node().token.empty())
    return out.bad("node",
                   "the node at " + url
                       + " was not asked: no token could be read from "
                       + node.node().said_by,
                   "Run doctor as the user of the node, or give one with "
                   "--token-file.");
  const auto sum = node.ask("GET", "/api/jobs/summary");
  if (sum.status == 401)
    return out.bad("node",
                   "the node at " + url + " does not know the token of "
                       + node.node().said_by,
                   "Restart or reload it after a change of the token, or give "
                   "another with --token-file.");
  if (sum.status == 403)
    return out.note("node",
                    "the node at " + url + " is ready, but the token of "
                        + node.node().said_by + " may not look at all of it",
                    "Give one that reaches everything, as the node's own, to "
                    "have its jobs, backups and orphans looked at.");
  if (sum.status != 200)
    return out.note("node",
                    "the node at " + url + " answered "
                        + std::to_string(sum.status),
                    "Is it an alula?");
  out.good("node", "the node at " + url + " is ready");
  look_at_jobs(node, out);
  look_at_servers(node, out);
  look_at_backups(node, out);
  look_for_orphans(node, c, out);
}

} // namespace alula::app::cli
