/// The command line, read once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace alula::app {

struct options {
  enum class verb { serve, check_config, version };
  verb what = verb::serve;
  std::filesystem::path config; ///< serve, check-config; empty: none given
  std::filesystem::path data;   ///< serve without a config; empty: the default
  std::optional<std::uint16_t> port; ///< serve; in place of the config's
  bool debug = false;                ///< serve; besides the config's
};

/// Either options, or what to print instead and the code to leave with:
/// 0 after --help, 64 (EX_USAGE) after a mistake.
struct command_line {
  std::optional<options> value;
  std::string text;
  int exit_code = 0;
};

command_line parse_options(int argc, const char* const* argv);

} // namespace alula::app
