/// The configuration files that an egg names and that are rewritten before
/// each start of a server, so that it listens where the Panel says
/// (wings-protocol 2.7 and 3.4).
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// A scalar as the Panel sent it. Its type matters to files that have types.
struct config_value {
  enum class type { text, number, boolean, null };
  type is = type::text;
  std::string text; ///< UTF-8; of a number or a boolean as JSON spells it
  friend bool operator==(const config_value&, const config_value&) = default;
};

/// `match` is a key, a path of keys ("servers.*.address", "listeners[0].host",
/// "[section].key") or, for the parser "file", how a line begins.
struct config_replacement {
  std::string match;
  /// Replaces nothing unless the value is this one, or matches the RE2 pattern
  /// after "regex:"; then `with` may use its groups, $1. Empty: always.
  std::string if_value;
  config_value with;
};

struct config_file {
  std::string parser; ///< file, yaml, yml, properties, ini, json, xml
  std::string path;   ///< below the volume
  std::vector<config_replacement> replacements;
};

/// What an egg asks for, and sentences about what in it makes no sense.
struct config_plan {
  std::vector<config_file> files;
  std::vector<std::string> notes;
};

/// Reads the list "process_configuration.configs" of a server's configuration.
/// Never fails: what cannot be understood is left out with a note.
config_plan read_config_plan(std::string_view configs_json);

/// What became of one file. Never holds a value that was put in, which may be
/// a password.
struct config_outcome {
  enum class effect {
    unchanged, ///< it says already what it should
    rewritten,
    created,
    failed, ///< left exactly as it was; the first note says why
  };
  std::string path;
  effect is = effect::unchanged;
  std::vector<std::string> notes; ///< sentences for the job and the log
};

/// Rewrites them. Blocks; worker threads; not twice at the same time for one
/// server.
class config_files {
public:
  virtual ~config_files() = default;

  /// One outcome per file, in the order of `files`; a file that cannot be had
  /// or understood harms no other. Each changes at once, by a rename, durably,
  /// and keeps its mode and owner; a new one belongs to the server user. Files
  /// are reached beneath the volume only; links that lead out are refused.
  /// Rewriting again changes nothing. Faults: io_error when there is no volume,
  /// interrupted.
  virtual result<std::vector<config_outcome>>
  rewrite(const server_id& server, const std::vector<config_file>& files,
          std::stop_token stop) = 0;
};

} // namespace alula::jobs
