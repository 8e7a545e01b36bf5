#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace alula::app::cli {

namespace {

struct token_options {
  std::string id, name, role, appliance, expires;
  std::vector<std::string> systems, servers, organisations;
  std::string principal, server, system;
};

/// "90d", "12h", "30m" as seconds; a mistake leaves.
std::int64_t seconds_in(const std::string& text) {
  constexpr std::size_t most_digits = 6;
  const auto digits = text.find_first_not_of("0123456789");
  const std::string units = "smhd";
  const auto unit = digits == std::string::npos || digits + 1 != text.size()
                        ? std::string::npos
                        : units.find(text[digits]);
  if (unit == std::string::npos || digits == 0 || digits > most_digits)
    throw leave{usage, "--expires must be a time such as 90d, 12h or 30m"};
  constexpr std::int64_t each[]{1, 60, 3'600, 86'400};
  return std::stoll(text.substr(0, digits)) * each[unit];
}

/// What is in reach, in a few words.
std::string scope_text(const json& scope) {
  if (scope.value("all", false))
    return "everything";
  std::string out;
  for (const auto* name : {"servers", "systems", "organisations"})
    for (const auto& one : scope.at(name))
      out += (out.empty() ? "" : ", ") + one.get<std::string>();
  return out.empty() ? "nothing" : out;
}

int create_token(const asked_node& asked, const token_options& o) {
  client node{find_node(asked)};
  json body = json::object();
  if (!o.appliance.empty())
    body["appliance"] = o.appliance;
  if (!o.name.empty())
    body["name"] = o.name;
  else if (o.appliance.empty())
    body["name"] = o.role;
  if (!o.role.empty())
    body["role"] = o.role;
  if (!o.expires.empty())
    body["expires_in"] = seconds_in(o.expires);
  if (!o.systems.empty())
    body["systems"] = o.systems;
  if (!o.organisations.empty())
    body["organisations"] = o.organisations;
  if (!o.servers.empty()) {
    body["servers"] = json::array();
    for (const auto& one : o.servers)
      body["servers"].push_back(find_server(node, one));
  }
  const auto made = node.act("POST", "/api/tokens", body.dump());
  if (asked.as_json) {
    print_json(made);
    return done;
  }
  print("token " + text_of(made, "id") + ": "
        + text_of(made, "role", "appliance " + o.appliance) + " over "
        + scope_text(made.at("scope"))
        + "\nIts secret, which is shown this once:\n" + text_of(made, "secret")
        + "\n");
  return done;
}

int list_tokens(const asked_node& asked) {
  client node{find_node(asked)};
  const auto all = node.get("/api/tokens");
  if (asked.as_json) {
    print_json(all);
    return done;
  }
  std::vector<row> rows;
  for (const auto& t : all.at("items"))
    rows.push_back(
        {t.at("id"), t.at("name"), text_of(t, "role", "appliance"),
         scope_text(t.at("scope")), ago_text(t.at("last_used_at")),
         t.at("revoked_at").is_null()
             ? (t.at("expires_at").is_null() ? "never"
                                             : ago_text(t.at("expires_at")))
             : "revoked"});
  print(
      rows.empty()
          ? "there are no tokens but the node's own\n"
          : table({"TOKEN", "NAME", "ROLE", "OVER", "USED", "EXPIRES"}, rows));
  return done;
}

int revoke_token(const asked_node& asked, const token_options& o) {
  if (!is_sure(asked, "Revoke token " + o.id + " for good?"))
    return failed;
  client node{find_node(asked)};
  node.act("DELETE", "/api/tokens/" + escaped(o.id));
  print("token " + o.id + " is revoked\n");
  return done;
}

int list_audit(const asked_node& asked, const token_options& o) {
  client node{find_node(asked)};
  std::string path = "/api/audit?limit=200";
  if (!o.principal.empty())
    path += "&principal=" + escaped(o.principal);
  if (!o.server.empty())
    path += "&server=" + escaped(find_server(node, o.server));
  if (!o.system.empty())
    path += "&system=" + escaped(o.system);
  const auto page = node.get(path);
  if (asked.as_json) {
    print_json(page);
    return done;
  }
  std::vector<row> rows;
  for (const auto& a : page.at("items"))
    rows.push_back({ago_text(a.at("at")), a.at("name"), a.at("principal"),
                    a.at("method"), a.at("path"), a.at("status").dump(),
                    a.at("request_id")});
  print(rows.empty() ? "nothing was changed through the door\n"
                     : table({"WHEN", "WHO", "PRINCIPAL", "WHAT", "OBJECT",
                              "ANSWER", "REQUEST"},
                             rows));
  return done;
}

} // namespace

void add_token_commands(CLI::App& app, const reading& line) {
  const auto o = std::make_shared<token_options>();
  auto* token = app.add_subcommand("token", "who may come in by the door");
  line.add_node_options(*token);
  token->require_subcommand(1);
  auto* create = token->add_subcommand("create", "a new one, shown once");
  auto* role = create->add_option("--role", o->role, "what it may do")
                   ->check(CLI::IsMember({"viewer", "operator", "admin"}));
  auto* appliance =
      create->add_option("--appliance", o->appliance,
                         "the key of an appliance of that name instead, for "
                         "the system of --systems");
  role->excludes(appliance);
  create->add_option("--name", o->name, "for people");
  create
      ->add_option("--servers", o->servers,
                   "reaches these only: uuids, beginnings of them, names")
      ->delimiter(',');
  create->add_option("--systems", o->systems, "reaches these only")
      ->delimiter(',');
  create
      ->add_option("--organisations", o->organisations,
                   "reaches what belongs to these paths, or below")
      ->delimiter(',');
  create->add_option("--expires", o->expires, "90d, 12h, 30m; else never");
  create->callback([=] {
    if (o->role.empty() && o->appliance.empty())
      throw CLI::RequiredError{"--role or --appliance"};
    line.runs([=] { return create_token(*line.node, *o); });
  });
  token->add_subcommand("list", "all of them")->callback([=] {
    line.runs([=] { return list_tokens(*line.node); });
  });
  auto* revoke = token->add_subcommand("revoke", "nobody comes in by it again");
  revoke->add_option("TOKEN", o->id, "its id")->required();
  revoke->callback(
      [=] { line.runs([=] { return revoke_token(*line.node, *o); }); });

  auto* audit = app.add_subcommand("audit", "who changed what, and when");
  line.add_node_options(*audit);
  audit->add_option("--principal", o->principal, "of this one only");
  audit->add_option("--server", o->server, "of this server only");
  audit->add_option("--system", o->system, "of this system only");
  audit->callback(
      [=] { line.runs([=] { return list_audit(*line.node, *o); }); });
}

} // namespace alula::app::cli
