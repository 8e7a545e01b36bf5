#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"

#include <CLI/CLI.hpp>

#include <random>

namespace alula::app::cli {

namespace {

struct backup_options {
  std::string server, backup, path, to, uuid;
  std::vector<std::string> ignore, paths;
  bool no_wait = false, merge = false, dry_run = false, replaces = false;
};

std::string base_of(const std::string& server) {
  return "/api/servers/" + escaped(server) + "/backup";
}

/// The same with whole uuids in place of names and beginnings.
backup_options named(client& node, backup_options o) {
  o.server = find_server(node, o.server);
  o.backup = find_backup(node, o.server, o.backup);
  return o;
}

/// Of one that is named wholly.
std::string path_of(const backup_options& o) {
  return base_of(o.server) + "/" + escaped(o.backup);
}

/// Version 4, as Panels make them.
std::string new_uuid() {
  std::random_device source;
  std::string out;
  constexpr std::string_view shape = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : shape) {
    const auto bits = source() & 15U;
    out += c == 'x' ? digits[bits] : c == 'y' ? digits[8 | (bits & 3U)] : c;
  }
  return out;
}

std::string state_of_backup(const json& b) {
  if (b.value("lost", false))
    return "lost";
  if (!b.at("damage").is_null())
    return "damaged";
  return b.value("state", "");
}

std::string panel_of(const json& b) {
  return text_of(b.at("panel"), "state");
}

int list_backups(const asked_node& asked, const backup_options& o) {
  client node{find_node(asked)};
  const auto base = o.server.empty() ? std::string{"/api/backups"}
                                     : base_of(find_server(node, o.server));
  const auto all = all_pages(node, base + "?limit=200");
  if (asked.as_json) {
    print_json(all);
    return done;
  }
  std::vector<row> rows;
  for (const auto& b : all)
    rows.push_back({b.at("uuid"), text_of(b, "server"), state_of_backup(b),
                    bytes_text(b.at("size")), ago_text(b.at("created_at")),
                    ago_text(b.at("verified_at")), panel_of(b),
                    b.value("pinned", false) ? "pinned" : ""});
  print(rows.empty() ? "no backups\n"
                     : table({"BACKUP", "SERVER", "STATE", "SIZE", "MADE",
                              "VERIFIED", "PANEL", ""},
                             rows));
  return done;
}

int create_backup(const asked_node& asked, const backup_options& o) {
  client node{find_node(asked)};
  std::string ignore;
  for (const auto& pattern : o.ignore)
    ignore += pattern + "\n";
  const auto uuid = o.uuid.empty() ? new_uuid() : o.uuid;
  const auto job = node.start(
      "POST", base_of(find_server(node, o.server)),
      json{{"adapter", "wings"}, {"uuid", uuid}, {"ignore", ignore}}.dump());
  if (!asked.as_json)
    print("backup " + uuid + "\n");
  return follow_started(node, asked, job, !o.no_wait);
}

/// What a question is about: "backup … of server …, made 3 h ago, 1.2 GiB".
std::string backup_in_words(client& node, const backup_options& o) {
  auto named = "backup " + o.backup + " of server " + o.server;
  const auto found = node.ask("GET", path_of(o));
  if (found.status != 200)
    return named;
  return named + ", made " + ago_text(found.body.at("created_at")) + ", "
         + bytes_text(found.body.at("size"));
}

/// Nothing where there is nothing to take back: no file was another. The
/// restore is done, whatever becomes of this.
void print_undo(client& node, const std::string& job) {
  const auto ended = node.ask("GET", "/api/jobs/" + escaped(job));
  const auto until =
      ended.status == 200 ? text_of(ended.body, "undo_until", "") : "";
  if (!until.empty())
    print("take it back until " + until + " with: alula jobs undo " + job
          + "\n");
}

int restore_backup(const asked_node& asked, const backup_options& given) {
  client node{find_node(asked)};
  const auto o = named(node, given);
  const auto path = path_of(o);
  const std::string what =
      !o.paths.empty() ? "Put the chosen files back from "
      : o.merge        ? "Put between the files that are there those of "
                       : "Replace all files of the server by ";
  const auto question = [&] {
    return what + backup_in_words(node, o)
           + "? The server is stopped, and stays stopped.";
  };
  if (!is_sure(asked, question))
    return failed;
  json body{{"adapter", "wings"},
            {"truncate_directory", !o.merge && o.paths.empty()}};
  if (!o.paths.empty())
    body["paths"] = o.paths;
  const auto job = node.start("POST", path + "/restore", body.dump());
  const int code = follow_started(node, asked, job, !o.no_wait);
  if (code == done && !o.no_wait && !asked.as_json)
    print_undo(node, job.at("id"));
  return code;
}

int list_files(const asked_node& asked, const backup_options& o) {
  client node{find_node(asked)};
  const auto base = path_of(named(node, o)) + "/files?path=" + escaped(o.path);
  std::string after;
  json all = json::array();
  do {
    const auto page =
        node.get(base + "&limit=10000" + (after.empty() ? "" : "&after=")
                 + escaped(after));
    for (const auto& one : page.at("items"))
      all.push_back(one);
    after = text_of(page, "next", "");
  } while (!after.empty());
  if (asked.as_json) {
    print_json(all);
    return done;
  }
  std::vector<row> rows;
  for (const auto& one : all) {
    const auto type = one.value("type", "");
    auto name = one.value("name", "");
    if (type == "directory")
      name += "/";
    if (type == "link")
      name += " -> " + text_of(one, "target");
    rows.push_back(
        {bytes_text(one.at("size")), one.value("modified_at", ""), name});
  }
  print(table({"SIZE", "MODIFIED", "NAME"}, rows));
  return done;
}

int fetch(const asked_node& asked, const backup_options& given) {
  client node{find_node(asked)};
  const auto o = named(node, given);
  const auto base = path_of(o);
  const auto name = o.path.empty()
                        ? "backup-" + o.backup + ".tar.gz"
                        : o.path.substr(o.path.find_last_of('/') + 1);
  const auto url = o.path.empty()
                       ? base + "/download"
                       : base + "/files/content?path=" + escaped(o.path);
  return save_download(node, asked, url,
                       {o.to.empty() ? name : o.to, o.replaces});
}

int run_on(const asked_node& asked, const backup_options& given,
           const std::string& method, const std::string& tail,
           const std::string& body = {}) {
  client node{find_node(asked)};
  const auto o = named(node, given);
  const auto path = path_of(o);
  const auto question = [&] {
    return "Delete " + backup_in_words(node, o)
           + "? It cannot be brought back.";
  };
  if (method == "DELETE" && !is_sure(asked, question))
    return failed;
  const auto job = node.start(method, path + tail, body);
  if (!job.is_object()) { // it was not there: as good as deleted
    print(asked.as_json ? "null\n" : "not there\n");
    return done;
  }
  return follow_started(node, asked, job, !o.no_wait);
}

int pin(const asked_node& asked, const backup_options& o, bool pinned) {
  client node{find_node(asked)};
  const auto path = path_of(named(node, o));
  node.act(pinned ? "PUT" : "DELETE", path + "/pin");
  if (asked.as_json)
    print_json(node.get(path));
  else
    print(pinned ? "no rotation takes it\n" : "rotations may take it\n");
  return done;
}

int rotate(const asked_node& asked, const backup_options& o) {
  client node{find_node(asked)};
  const auto path = base_of(find_server(node, o.server)) + "/rotate";
  const auto plan = node.act("POST", path, R"({"dry_run":true})");
  if (o.dry_run && asked.as_json) {
    print_json(plan);
    return done;
  }
  const auto& gone = plan.at("would_remove");
  std::vector<row> rows;
  for (const auto& one : plan.at("choices"))
    rows.push_back({one.at("backup"),
                    one.value("keep", true) ? "stays" : "goes",
                    one.value("why", "")});
  if (!asked.as_json)
    print(rows.empty() ? "no backups\n" : table({"BACKUP", "", "WHY"}, rows));
  if (o.dry_run || gone.empty())
    return done;
  if (!is_sure(asked, "Remove " + std::to_string(gone.size()) + "?"))
    return failed;
  return follow_started(node, asked, node.start("POST", path, "{}"),
                        !o.no_wait);
}

} // namespace

void add_backup_commands(CLI::App& app, const reading& line) {
  const auto o = std::make_shared<backup_options>();
  auto* backups = app.add_subcommand("backups", "backups of the servers");
  line.add_node_options(*backups);
  using command = int (*)(const asked_node&, const backup_options&);
  const auto runs = [=](command what) {
    return [=] { line.runs([=] { return what(*line.node, *o); }); };
  };
  backups->callback([=] {
    if (backups->get_subcommands().empty())
      runs(list_backups)();
  });
  const auto add = [&](const char* name, const char* what, bool of_server,
                       bool of_backup, bool starts) {
    auto* one = backups->add_subcommand(name, what);
    if (of_server)
      one->add_option("SERVER", o->server, "uuid, the beginning of it, or name")
          ->required();
    if (of_backup)
      one->add_option("BACKUP", o->backup,
                      "the uuid of a backup, or the beginning of it")
          ->required();
    if (starts)
      one->add_flag("--no-wait", o->no_wait, "leaves when it is accepted");
    return one;
  };
  auto* list = add("list", "all, or those of one server", false, false, false);
  list->add_option("SERVER", o->server, "uuid, the beginning of it, or name");
  list->callback(runs(list_backups));
  auto* create = add("create", "make one", true, false, true);
  create->add_option("--ignore", o->ignore, "a pattern of what stays out");
  create->add_option("--uuid", o->uuid, "its uuid; else a new one");
  create->callback(runs(create_backup));
  auto* restore = add("restore", "put one back", true, true, true);
  restore->add_flag("--merge", o->merge, "between the files that are there");
  restore->add_option("--path", o->paths, "only this file or directory");
  restore->callback(runs(restore_backup));
  auto* files = add("files", "look inside", true, true, false);
  files->add_option("PATH", o->path, "a directory inside of it");
  files->callback(runs(list_files));
  auto* get = add("get", "fetch one, or one file of it", true, true, false);
  get->add_option("PATH", o->path, "a file inside of it");
  get->add_option("-o,--output", o->to, "where to; - is standard output");
  get->add_flag("--force", o->replaces, "replaces a file that is there");
  get->callback(runs(fetch));
  auto* verify = add("verify", "read one from end to end", true, true, true);
  verify->add_option("--place", o->to, "the store whose copy is read");
  verify->callback(runs([](const asked_node& a, const backup_options& b) {
    return run_on(a, b, "POST", "/verify",
                  b.to.empty() ? "" : json{{"place", b.to}}.dump());
  }));
  auto* copy =
      add("copy", "bring a copy to a store, or back", true, true, true);
  copy->add_option("PLACE", o->to, "the name of a store, or local")->required();
  copy->callback(runs([](const asked_node& a, const backup_options& b) {
    return run_on(a, b, "POST", "/copy", json{{"to", b.to}}.dump());
  }));
  add("index", "make one browsable that another program wrote", true, true,
      true)
      ->callback(runs([](const asked_node& a, const backup_options& b) {
        return run_on(a, b, "POST", "/index");
      }));
  add("delete", "delete one", true, true, true)
      ->callback(runs([](const asked_node& a, const backup_options& b) {
        return run_on(a, b, "DELETE", "");
      }));
  add("pin", "keep one out of rotations", true, true, false)
      ->callback(runs([](const asked_node& a, const backup_options& b) {
        return pin(a, b, true);
      }));
  add("unpin", "let rotations have it", true, true, false)
      ->callback(runs([](const asked_node& a, const backup_options& b) {
        return pin(a, b, false);
      }));
  auto* rotating = add("rotate", "remove what no rule of the config keeps",
                       true, false, true);
  rotating->add_flag("--dry-run", o->dry_run, "says what would go");
  rotating->callback(runs(rotate));
  add_backup_place_commands(*backups, line);
}

} // namespace alula::app::cli
