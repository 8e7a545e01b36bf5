#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace alula::app::cli {

namespace {

struct system_options {
  std::string system, backup, to, organisation, name;
  bool suspends = false, resumes = false, replaces = false;
};

std::string path_of(const system_options& o) {
  return "/api/systems/" + escaped(o.system);
}

std::string backup_path_of(const system_options& o) {
  return path_of(o) + "/backups/" + escaped(o.backup);
}

/// What stands in the envelope of the systems backups API.
json data_of(json answer) {
  return std::move(answer.at("data"));
}

/// "3 of 10"; without the second when there is no limit.
std::string part_text(const std::string& used, const json& in,
                      const char* limit, bool as_bytes) {
  const auto found = in.find(limit);
  if (found == in.end() || !found->is_number())
    return used;
  return used + " of " + (as_bytes ? bytes_text(*found) : found->dump());
}

int list_systems(const asked_node& asked, const system_options&) {
  client node{find_node(asked)};
  const auto all = data_of(node.get("/api/systems"));
  if (asked.as_json) {
    print_json(all);
    return done;
  }
  std::vector<row> rows;
  for (const auto& s : all.at("systems"))
    rows.push_back(
        {s.at("id"), text_of(s, "name"), text_of(s, "organization"),
         ago_text(s.at("newest_at")),
         part_text(s.at("backups").dump(), all, "slots", false),
         part_text(bytes_text(s.at("bytes")), all, "quota_bytes", true),
         s.value("suspended", false) ? "suspended" : ""});
  print(rows.empty() ? "no systems\n"
                     : table({"SYSTEM", "NAME", "ORGANISATION", "NEWEST",
                              "BACKUPS", "STORED", ""},
                             rows));
  return done;
}

int show_system(const asked_node& asked, const system_options& o) {
  client node{find_node(asked)};
  const auto system = data_of(node.get(path_of(o)));
  const auto stored = data_of(node.get(path_of(o) + "/backups"));
  if (asked.as_json) {
    auto out = system;
    for (const auto& [name, value] : stored.items())
      out[name] = value;
    print_json(out);
    return done;
  }
  const auto& backups = stored.at("backups");
  print("system " + text_of(system, "id") + "\n  name          "
        + text_of(system, "name") + "\n  organisation  "
        + text_of(system, "organization") + "\n  since         "
        + ago_text(system.at("created_at")) + "\n  sends         "
        + (system.value("suspended", false) ? "nothing: it is suspended"
                                            : "its backups")
        + "\n  newest        "
        + (backups.empty() ? "none" : ago_text(backups[0].at("uploaded_at")))
        + "\n  backups       "
        + part_text(stored.at("slots_used").dump(), stored, "slots", false)
        + "\n  stored        "
        + part_text(bytes_text(stored.at("quota_used_bytes")), stored,
                    "quota_bytes", true)
        + "\n");
  return done;
}

int list_backups(const asked_node& asked, const system_options& o) {
  client node{find_node(asked)};
  const auto stored = data_of(node.get(path_of(o) + "/backups"));
  if (asked.as_json) {
    print_json(stored);
    return done;
  }
  std::vector<row> rows;
  for (const auto& b : stored.at("backups"))
    rows.push_back({b.at("id"), bytes_text(b.at("size")),
                    ago_text(b.at("uploaded_at")), text_of(b, "filename"),
                    b.at("sha256")});
  print(rows.empty()
            ? "no backups\n"
            : table({"BACKUP", "SIZE", "SENT", "FILE", "SHA-256"}, rows));
  return done;
}

/// By the node's own address: its link may name another, for browsers.
std::string link_to(client& node, const system_options& o) {
  const auto link = data_of(node.get(backup_path_of(o) + "/download"))
                        .at("download_url")
                        .get<std::string>();
  const auto path = link.find("/download/");
  if (path == std::string::npos)
    throw leave{failed, "the node's answer is no link to a backup"};
  return link.substr(path);
}

int fetch(const asked_node& asked, const system_options& o) {
  client node{find_node(asked)};
  const auto url = link_to(node, o);
  const std::filesystem::path to = o.to.empty() ? o.backup : o.to;
  return save_download(node, asked, url, {to, o.replaces});
}

/// As it was answered, or in a sentence.
int tell(const asked_node& asked, const json& answer,
         const std::string& sentence) {
  if (asked.as_json)
    print_json(answer);
  else
    print(sentence + "\n");
  return done;
}

int remove_for_good(const asked_node& asked, const std::string& path,
                    const std::string& question, const std::string& sentence) {
  client node{find_node(asked)};
  if (!is_sure(asked, question))
    return failed;
  return tell(asked, data_of(node.act("DELETE", path)), sentence);
}

int remove_backup(const asked_node& asked, const system_options& o) {
  return remove_for_good(asked, backup_path_of(o),
                         "Delete backup " + o.backup + " of system " + o.system
                             + " for good?",
                         "backup " + o.backup + " is deleted");
}

/// What is not named stays as it is.
int set_system(const asked_node& asked, const system_options& o) {
  client node{find_node(asked)};
  const auto known = node.ask("GET", path_of(o));
  json body{{"organization", o.organisation},
            {"name", o.name},
            {"suspended", o.suspends}};
  if (known.status == 200) {
    const auto& was = known.body.at("data");
    if (o.organisation.empty())
      body["organization"] = was.at("organization");
    if (o.name.empty())
      body["name"] = was.at("name");
    if (!o.suspends && !o.resumes)
      body["suspended"] = was.at("suspended");
  }
  const auto now = data_of(node.act("PUT", path_of(o), body.dump()));
  return tell(asked, now,
              "system " + o.system + " of \"" + text_of(now, "organization")
                  + "\""
                  + (now.value("suspended", false) ? ", suspended" : ""));
}

int forget_system(const asked_node& asked, const system_options& o) {
  return remove_for_good(asked, path_of(o),
                         "Forget system " + o.system
                             + " and delete all its backups for good?",
                         "system " + o.system + " and its backups are gone");
}

} // namespace

void add_system_commands(CLI::App& app, const reading& line) {
  const auto o = std::make_shared<system_options>();
  auto* systems =
      app.add_subcommand("systems", "appliances, and the backups they send");
  line.add_node_options(*systems);
  using command = int (*)(const asked_node&, const system_options&);
  const auto runs = [=](command what) {
    return [=] { line.runs([=] { return what(*line.node, *o); }); };
  };
  systems->callback([=] {
    if (systems->get_subcommands().empty())
      runs(list_systems)();
  });
  const auto add = [&](const char* name, const char* what, bool of_backup) {
    auto* one = systems->add_subcommand(name, what);
    one->add_option("SYSTEM", o->system, "its id")->required();
    if (of_backup)
      one->add_option("BACKUP", o->backup, "its id")->required();
    return one;
  };
  systems->add_subcommand("list", "those in reach, and how full they are")
      ->callback(runs(list_systems));
  add("show", "whose it is, and how full", false)->callback(runs(show_system));
  add("backups", "what is stored of it", false)->callback(runs(list_backups));
  auto* get = add("get", "fetch a backup as it was sent", true);
  get->add_option("-o,--output", o->to, "where to; - is standard output");
  get->add_flag("--force", o->replaces, "replaces a file that is there");
  get->callback(runs(fetch));
  add("delete", "a backup, for good", true)->callback(runs(remove_backup));
  auto* set = add("set", "put on record, or change", false);
  set->add_option("--organisation", o->organisation, "the path of who owns it");
  set->add_option("--name", o->name, "for people");
  auto* suspend = set->add_flag("--suspend", o->suspends, "it sends nothing");
  set->add_flag("--resume", o->resumes, "it may send again")->excludes(suspend);
  set->callback(runs(set_system));
  add("forget", "it and all its backups, for good", false)
      ->callback(runs(forget_system));
}

} // namespace alula::app::cli
