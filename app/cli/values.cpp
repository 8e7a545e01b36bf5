// What a shell offers where an id, a name or a pool is wanted: asked of the
// running node, or of its config, by the script of completion.cpp.
#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <string_view>

namespace alula::app::cli {

namespace {

struct asked_values {
  std::string of, server;
};

/// A shell expands what it is offered, and names are other people's: what is
/// not plain is left out.
bool is_plain(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
  });
}

void add(std::string& to, const json& word) {
  const auto text = word.is_string() ? word.get<std::string>() : word.dump();
  if (is_plain(text))
    to += text + "\n";
}

std::string members(const json& items, const char* name) {
  std::string out;
  for (const auto& one : items)
    add(out, one.at(name));
  return out;
}

std::string servers_of(client& node) {
  std::string out;
  for (const auto& server : node.get("/api/servers")) {
    const auto& about = server.at("configuration");
    add(out, about.at("uuid"));
    add(out, about.at("meta").value("name", ""));
  }
  return out;
}

/// The node does not list them: they are what its config says, where that is
/// here.
std::string store_names_of(const found_node& node) {
  std::string out;
  if (node.own_address && node.settings)
    for (const auto& [name, endpoint] : node.settings->stores.endpoint)
      add(out, name);
  return out;
}

std::string items_of(client& node, const std::string& path, const char* name) {
  return members(node.get(path).at("items"), name);
}

/// A word a line; nothing for what is not known here. None of the words is a
/// command's: those would be taken for one.
std::string values_of(client& node, const asked_values& o) {
  if (o.of == "server-ids")
    return servers_of(node);
  if (o.of == "backup-ids")
    return o.server.empty()
               ? std::string{}
               : items_of(node,
                          "/api/servers/" + escaped(find_server(node, o.server))
                              + "/backup?limit=200",
                          "uuid");
  if (o.of == "job-ids")
    return items_of(node, "/api/jobs?limit=200", "id");
  if (o.of == "live-job-ids")
    return items_of(node, "/api/jobs?limit=200&done=false", "id");
  if (o.of == "stopped-job-ids")
    return items_of(node, "/api/jobs?limit=200&state=parked,failed", "id");
  if (o.of == "parked-job-ids")
    return items_of(node, "/api/jobs?limit=200&state=parked", "id");
  if (o.of == "restore-ids")
    return items_of(node, "/api/jobs?limit=200&kind=backup.restore", "id");
  if (o.of == "trash-ids")
    return items_of(node, "/api/trash", "job");
  if (o.of == "pool-names")
    return items_of(node, "/api/pools", "name");
  if (o.of == "report-ids")
    return items_of(node, "/api/outbox?state=dead&limit=200", "report");
  if (o.of == "token-ids")
    return items_of(node, "/api/tokens", "id");
  if (o.of == "store-names")
    return store_names_of(node.node());
  if (o.of == "place-names")
    return "local\n" + store_names_of(node.node());
  if (o.of == "system-ids")
    return members(node.get("/api/systems").at("data").at("systems"), "id");
  return {};
}

/// Whoever presses a key wants no message, and does not wait for long.
int print_values(const asked_node& asked, const asked_values& o) {
  constexpr std::chrono::seconds a_moment{2};
  try {
    client node{find_node(asked), a_moment};
    print(values_of(node, o));
  } catch (const leave&) {
  } catch (const json::exception&) {
  }
  return done;
}

} // namespace

void add_values(CLI::App& app, const reading& line) {
  const auto o = std::make_shared<asked_values>();
  auto* values = app.add_subcommand("values", "words for a completion");
  values->group(""); // in no help
  line.add_node_options(*values);
  values->add_option("OF", o->of, "what they are of")->required();
  values->add_option("SERVER", o->server, "whose backups");
  values->callback(
      [=] { line.runs([=] { return print_values(*line.node, *o); }); });
}

} // namespace alula::app::cli
