/// The verbs of the command line. Each returns the code to leave with:
/// 0 done, 1 failed, 78 (EX_CONFIG) for a configuration that cannot be used.
#pragma once

#include "app/options.hpp"

#include <filesystem>

namespace alula::app {

/// Runs the node until SIGTERM or SIGINT. Warnings and errors of the
/// configuration, and why a start failed, go to standard error; where the node
/// listens, and a token made just now, to standard output.
int serve(const options& asked);

/// Prints the problems of the file and a line that sums them up, or one JSON
/// object of both (docs/command-line.md); 0 when a start would take it, else 1.
int check_config(const std::filesystem::path& file, bool as_json);

/// Asks the Panel for this node's configuration and writes it, whole or not at
/// all, mode 0600. A file that is there is replaced only when that was asked.
int configure(const options& asked);

int print_version();

} // namespace alula::app
