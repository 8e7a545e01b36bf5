#include "app/client_commands.hpp"

#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"
#include "remote/http_client.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <utility>

namespace alula::app {

namespace cli {

void reading::runs(std::function<int()> what) const {
  into.what = options::verb::client;
  into.client = [what = std::move(what)] {
    try {
      return what();
    } catch (const leave& why) {
      std::fprintf(stderr, "alula: %s\n", plain(why.what()).c_str());
      return static_cast<int>(why.code());
    } catch (const nlohmann::json::exception& why) {
      std::fprintf(stderr,
                   "alula: the node's answer is not that of an alula (%s)\n",
                   why.what());
      return static_cast<int>(failed);
    }
  };
}

void reading::add_node_options(CLI::App& to) const {
  // Also behind the name of a command below this one.
  to.fallthrough();
  auto& n = *node;
  to.add_option("--url", n.url, "the node; else $ALULA_URL, else its config");
  to.add_option("--token", n.token,
                "its token, which others can see in the list of processes; "
                "else $ALULA_TOKEN, else its config");
  to.add_option("--token-file", n.token_file, "a file with the token");
  to.add_option("--config", n.config,
                "the node's config.yml; else $ALULA_CONFIG, or where it is");
  to.add_option("--data", n.data, "the data directory of a node without one");
  to.add_flag("--json", n.as_json, "for programs: what the API says");
  to.add_flag("-y,--yes", n.yes, "asks nothing");
}

std::string escaped(const std::string& text) {
  return remote::escape(text);
}

} // namespace cli

void add_client_commands(CLI::App& app, options& into) {
  const cli::reading line{into};
  cli::add_job_commands(app, line);
  cli::add_server_commands(app, line);
  cli::add_backup_commands(app, line);
  cli::add_upkeep_commands(app, line);
  cli::add_pool_commands(app, line);
  cli::add_system_commands(app, line);
  cli::add_token_commands(app, line);
  cli::add_doctor(app, line);
  cli::add_database_commands(app, line);
  cli::add_diagnostics(app, line);
  cli::add_completion(app, line);
  cli::add_values(app, line);
}

} // namespace alula::app
