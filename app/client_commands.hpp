/// The commands that talk to a running node (app/cli/).
#pragma once

#include "app/options.hpp"

namespace CLI {
class App;
}

namespace alula::app {

/// For parse_options: it adds them to the command line it reads.
void add_client_commands(CLI::App& app, options& into);

} // namespace alula::app
