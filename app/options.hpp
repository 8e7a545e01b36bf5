/// The command line, read once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace CLI { // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace alula::app {

struct options {
  enum class verb { serve, check_config, configure, version, client };
  verb what = verb::serve;
  /// serve, check-config; empty: none given. configure: what is written.
  std::filesystem::path config;
  std::filesystem::path data; ///< serve without a config; empty: the default
  std::optional<std::uint16_t> port; ///< serve; in place of the config's
  bool debug = false;                ///< serve; besides the config's
  bool as_json = false;              ///< check-config; for programs
  // configure
  std::string panel_url;
  std::string token; ///< of the Panel's application API; never logged
  std::string node;  ///< its number there
  bool override_config = false;
  bool allow_insecure = false; ///< any certificate of the Panel will do
  std::function<int()> client; ///< client: does it; the code to leave with
};

/// Either options, or what to print instead and the code to leave with:
/// 0 after --help, 64 (EX_USAGE) after a mistake.
struct command_line {
  std::optional<options> value;
  std::string text;
  int exit_code = 0;
};

/// `add_more` adds commands that this file does not know
/// (client_commands.hpp).
command_line parse_options(int argc, const char* const* argv,
                           void (*add_more)(CLI::App&, options&) = nullptr);

} // namespace alula::app
