/// The commands that ask a node, each beside what it does; and what they share.
#pragma once

#include "app/cli/client.hpp"
#include "app/options.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace CLI {
class App;
}

namespace alula::app::cli {

/// One command line being read: what stands in it, and what it leads to.
struct reading {
  options& into;
  std::shared_ptr<asked_node> node = std::make_shared<asked_node>();

  /// Called when a command was named: it runs when all of the line is read.
  void runs(std::function<int()> what) const;
  /// The options every command that asks a node has.
  void add_node_options(CLI::App& to) const;
};

void add_job_commands(CLI::App& app, const reading& line);
void add_server_commands(CLI::App& app, const reading& line);
void add_backup_commands(CLI::App& app, const reading& line);
/// Those of `alula backups` that are about stores and disks.
void add_backup_place_commands(CLI::App& backups, const reading& line);
void add_upkeep_commands(CLI::App& app, const reading& line);
void add_pool_commands(CLI::App& app, const reading& line);
void add_system_commands(CLI::App& app, const reading& line);
void add_token_commands(CLI::App& app, const reading& line);
void add_doctor(CLI::App& app, const reading& line);
void add_database_commands(CLI::App& app, const reading& line);
void add_diagnostics(CLI::App& app, const reading& line);
void add_completion(CLI::App& app, const reading& line);
/// What a completion script asks; in no help.
void add_values(CLI::App& app, const reading& line);

// -- shared by several
// ---------------------------------------------------------

/// Shows how far the job is until it has ended or is parked, on one line that
/// moves, or on a line per change where that cannot be. A node that restarts
/// meanwhile is waited for, two minutes long. The code to leave with.
int watch_job(client& node, const std::string& job, bool as_json);

/// What a command that started a job does next.
int follow_started(client& node, const asked_node& asked, const json& job,
                   bool waits);

/// Where what is fetched goes.
struct download_target {
  std::filesystem::path to; ///< "-": standard output
  bool replaces = false;    ///< also a file that is there
};

/// Fetches it to a file, which is beside its name until it is whole, and takes
/// no other's place unless that is wanted. The code to leave with.
int save_download(client& node, const asked_node& asked, const std::string& url,
                  const download_target& target);

/// A server by its uuid, the first 8 or more characters of it, or its name.
std::string find_server(client& node, const std::string& what);
/// A job by its id, or the first 8 or more characters of it.
std::string find_job(client& node, const std::string& what);
/// A backup by its uuid, or the first 8 or more characters of it. All three:
/// what has the length of a uuid is not looked for, an empty word is refused,
/// and what fits several is refused with them.
std::string find_backup(client& node, const std::string& server,
                        const std::string& what);

/// The servers of the node by their names, for lists. Asks once, for all.
class server_names {
public:
  server_names() = default;
  explicit server_names(client& node);
  /// "castle (3f1d3a0e)", which find_server takes either of; the whole uuid of
  /// one that is gone or without a name, and of a node that does not list them.
  std::string of(const std::string& uuid) const;

private:
  std::map<std::string, std::string> by_uuid_;
};

/// All items of a list that comes in pages, 10,000 at most. `first` has a query
/// already.
json all_pages(client& node, const std::string& first);

/// What doctor finds, as it is shown with --json.
json examine(const asked_node& asked);

/// One member of an URL's path or query.
std::string escaped(const std::string& text);

} // namespace alula::app::cli
