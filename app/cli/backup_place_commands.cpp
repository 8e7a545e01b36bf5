// The commands about where backups lie: stores of the node's own, and disks.
#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"

#include <CLI/CLI.hpp>

namespace alula::app::cli {

namespace {

struct scan_options {
  std::string store;
  bool no_wait = false;
};

int scan_store(const asked_node& asked, const scan_options& o) {
  client node{find_node(asked)};
  const auto job =
      node.start("POST", "/api/stores/" + escaped(o.store) + "/scan", "");
  const int code = follow_started(node, asked, job, !o.no_wait);
  if (code != done || o.no_wait || asked.as_json)
    return code;
  const auto seen =
      node.get("/api/jobs/" + escaped(job.at("id").get<std::string>()));
  const auto& said = seen.at("result");
  print(said.at("objects").dump() + " objects: " + said.at("found").dump()
        + " new backups, " + said.at("copies").dump()
        + " new copies of known ones, " + said.at("odd").dump() + " odd\n");
  for (const auto& one : said.at("named"))
    print("  " + one.value("key", "") + ": " + one.value("why", "") + "\n");
  return done;
}

/// Of figures that have both; a node of an older release says `bytes` alone.
std::string here_text(const json& figures) {
  const auto bytes = figures.value("bytes", std::int64_t{0});
  const auto here = figures.value("local_bytes", bytes);
  return here == bytes ? "" : bytes_text(here) + " of it here";
}

/// An older node does not say.
std::string room_of_disk(const json& disk) {
  const auto room = text_of(disk, "room", "");
  if (room.empty())
    return {};
  return ", " + bytes_text(disk.at("kept_free"))
         + " more are left to servers and ledger"
         + (room == "none" ? ": backups and restores are refused" : "");
}

int usage_of(const asked_node& asked) {
  client node{find_node(asked)};
  const auto usage = node.get("/api/backups/usage");
  if (asked.as_json) {
    print_json(usage);
    return done;
  }
  std::vector<row> rows;
  for (const auto& one : usage.at("servers")) {
    auto more = here_text(one);
    if (!one.value("server_lives", true))
      more += (more.empty() ? "" : ", ") + std::string{"its server is gone"};
    rows.push_back({text_of(one, "server"), one.at("backups").dump(),
                    bytes_text(one.at("bytes")), ago_text(one.at("newest_at")),
                    more});
  }
  print(table({"SERVER", "BACKUPS", "SIZE", "NEWEST GOOD", ""}, rows));
  const auto& disk = usage.at("disk");
  const auto here = here_text(usage);
  print(usage.at("backups").dump() + " backups, "
        + bytes_text(usage.at("bytes")) + (here.empty() ? "" : ", " + here)
        + "; the disk has " + bytes_text(disk.at("free")) + " free of "
        + bytes_text(disk.at("total")) + ", " + bytes_text(disk.at("reserved"))
        + " are promised to running jobs" + room_of_disk(disk) + "\n");
  // The first is that of the backups; an older node tells of no other.
  const auto disks = usage.value("disks", json::array());
  for (std::size_t i = 1; i < disks.size(); ++i) {
    const auto& other = disks[i];
    std::string names;
    for (const auto& held : other.at("holds"))
      names += (names.empty() ? "" : ", ") + held.get<std::string>();
    print("the disk of " + names + " has " + bytes_text(other.at("free"))
          + " free of " + bytes_text(other.at("total")) + room_of_disk(other)
          + "\n");
  }
  return done;
}

} // namespace

void add_backup_place_commands(CLI::App& backups, const reading& line) {
  const auto o = std::make_shared<scan_options>();
  auto* scan = backups.add_subcommand(
      "scan", "put on record what lies in a store of the node's");
  scan->add_flag("--no-wait", o->no_wait, "leaves when it is accepted");
  scan->add_option("STORE", o->store, "the name of a store")->required();
  scan->callback(
      [=] { line.runs([=] { return scan_store(*line.node, *o); }); });
  backups.add_subcommand("usage", "bytes per server, and of the disk")
      ->callback([=] { line.runs([=] { return usage_of(*line.node); }); });
}

} // namespace alula::app::cli
