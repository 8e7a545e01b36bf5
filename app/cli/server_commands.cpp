#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"

#include <CLI/CLI.hpp>

#include <map>

namespace alula::app::cli {

namespace {

struct server_options {
  std::string server, backups;
  bool no_wait = false;
};

std::string server_path(const std::string& uuid) {
  return "/api/servers/" + escaped(uuid);
}

/// The newest good backup of each server.
std::map<std::string, json> last_backups(client& node) {
  std::map<std::string, json> out;
  const auto usage = node.ask("GET", "/api/backups/usage");
  if (usage.status == 200)
    for (const auto& one : usage.body.at("servers"))
      if (one.at("server").is_string())
        out[one.at("server")] = one.at("newest_at");
  return out;
}

/// The list does not ask Docker; with few servers each is asked about.
json with_states(client& node, const json& servers) {
  constexpr std::size_t few = 50;
  if (servers.size() > few)
    return servers;
  json out = json::array();
  for (const auto& server : servers) {
    const auto one =
        node.ask("GET", server_path(server.at("configuration").at("uuid")));
    out.push_back(one.status == 200 ? one.body : server);
  }
  return out;
}

/// Of a node that is older than this program, null.
json silence_of(const json& server) {
  return server.value("unresponsive", json(nullptr));
}

std::string state_of(const json& server) {
  auto lifecycle = server.value("lifecycle", "");
  if (lifecycle != "active")
    return lifecycle;
  auto out = server.value("state_known", false) ? server.value("state", "")
                                                : std::string{"unknown"};
  if (const auto silence = silence_of(server); !silence.is_null())
    out += ", unresponsive (since " + ago_text(silence.at("since")) + ")";
  if (server.value("is_suspended", false))
    out += ", suspended";
  if (server.value("is_transferring", false))
    out += ", in transfer";
  if (!server.at("quarantined_at").is_null())
    out += ", not in the Panel";
  return out;
}

std::string jobs_of(const json& server) {
  std::string out;
  for (const auto& job : server.value("jobs", json::array()))
    out += (out.empty() ? "" : ", ") + job.value("kind", "") + " "
           + job.value("state", "");
  return out;
}

int list_servers(const asked_node& asked) {
  client node{find_node(asked)};
  const auto servers = with_states(node, node.get("/api/servers"));
  if (asked.as_json) {
    print_json(servers);
    return done;
  }
  const auto newest = last_backups(node);
  std::vector<row> rows;
  for (const auto& server : servers) {
    const auto& about = server.at("configuration");
    const auto uuid = about.at("uuid").get<std::string>();
    const auto at = newest.find(uuid);
    rows.push_back({uuid, about.at("meta").value("name", ""), state_of(server),
                    at == newest.end() || at->second.is_null()
                        ? "none"
                        : ago_text(at->second),
                    jobs_of(server)});
  }
  print(rows.empty()
            ? "no servers\n"
            : table({"SERVER", "NAME", "STATE", "LAST GOOD BACKUP", ""}, rows));
  return done;
}

int show_server(const asked_node& asked, const server_options& o) {
  client node{find_node(asked)};
  const auto server = node.get(server_path(find_server(node, o.server)));
  if (asked.as_json) {
    print_json(server);
    return done;
  }
  const auto& about = server.at("configuration");
  const auto& crash = server.at("last_crash");
  print(about.at("meta").value("name", "") + " "
        + about.at("uuid").get<std::string>() + ": " + state_of(server)
        + "\n  wanted     " + server.value("wanted_power", "")
        + "\n  installed  " + server.at("install").value("state", "")
        + "\n  image      " + about.at("container").value("image", "")
        + "\n  last crash "
        + (crash.is_null() ? "never" : ago_text(crash.at("at"))) + "\n");
  if (const auto silence = silence_of(server); !silence.is_null())
    print("  no answer  " + text_of(silence, "why") + "\n");
  if (const auto now = jobs_of(server); !now.empty())
    print("  under way  " + now + "\n");
  return done;
}

int power(const asked_node& asked, const server_options& o,
          const std::string& action) {
  client node{find_node(asked)};
  const auto uuid = find_server(node, o.server);
  if (action == "kill" && !is_sure(asked, "Kill " + uuid + "?"))
    return failed;
  const auto job = node.start("POST", server_path(uuid) + "/power",
                              json{{"action", action}}.dump());
  return follow_started(node, asked, job, !o.no_wait);
}

int delete_server(const asked_node& asked, const server_options& o) {
  client node{find_node(asked)};
  const auto uuid = find_server(node, o.server);
  if (!is_sure(asked, "Delete " + uuid + " with its files?"))
    return failed;
  auto path = server_path(uuid);
  if (!o.backups.empty())
    path += "?backups=" + escaped(o.backups);
  return follow_started(node, asked, node.start("DELETE", path), !o.no_wait);
}

} // namespace

void add_server_commands(CLI::App& app, const reading& line) {
  const auto o = std::make_shared<server_options>();
  auto* servers = app.add_subcommand("servers", "the servers of the node");
  line.add_node_options(*servers);
  const auto list = [=] {
    line.runs([=] { return list_servers(*line.node); });
  };
  servers->callback([=] {
    if (servers->get_subcommands().empty())
      list();
  });
  servers->add_subcommand("list", "all of them")->callback(list);
  const auto add = [&](const char* name, const char* what) {
    auto* one = servers->add_subcommand(name, what);
    one->add_option("SERVER", o->server, "uuid, the beginning of it, or name")
        ->required();
    return one;
  };
  add("show", "one of them")->callback([=] {
    line.runs([=] { return show_server(*line.node, *o); });
  });
  for (const auto* word : {"start", "stop", "restart", "kill"}) {
    auto* one = add(word, "its power");
    one->add_flag("--no-wait", o->no_wait, "leaves when it is accepted");
    one->callback([=, action = std::string{word}] {
      line.runs([=] { return power(*line.node, *o, action); });
    });
  }
  auto* remove = add("delete", "it and its files");
  remove->add_option("--backups", o->backups, "keep or delete its backups")
      ->check(CLI::IsMember({"keep", "delete"}));
  remove->add_flag("--no-wait", o->no_wait, "leaves when it is accepted");
  remove->callback(
      [=] { line.runs([=] { return delete_server(*line.node, *o); }); });
}

} // namespace alula::app::cli
