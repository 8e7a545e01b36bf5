/// A server's settings and process configuration as the Panel sends them
/// (wings-protocol 3.4), read once into plain fields.
///
/// Tolerant where Panels differ: what is missing, null or of another type is
/// its default, an empty PHP map ("[]") is an empty map, a number may be a
/// text. Only what is no JSON object at all is a fault.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::jobs {

struct server_config {
  std::string name;
  bool suspended = false;
  std::string invocation; ///< start command, with {{…}} placeholders
  bool skip_egg_scripts = false;
  /// Names in upper case; numbers without decimals they do not have.
  std::vector<std::pair<std::string, std::string>> environment;
  std::map<std::string, std::string> labels;

  struct {
    bool force_outgoing_ip = false;
    std::string ip; ///< of the default allocation
    int port = 0;
    /// Ports outside 1 to 65,535 are left out.
    std::vector<std::pair<std::string, std::vector<std::uint16_t>>> mappings;
  } allocations;

  struct {
    std::int64_t memory = 0; ///< MB; 0: unlimited
    std::int64_t swap = 0;   ///< MB; -1: unlimited
    std::int64_t io_weight = 0;
    std::int64_t cpu = 0;  ///< percent of one core; 0: unlimited
    std::int64_t disk = 0; ///< MiB; 0: unlimited
    std::string threads;   ///< cpuset
    bool oom_disabled = false;
  } build;

  struct mount {
    std::string source, target;
    bool read_only = false;
  };
  std::vector<mount> mounts;

  std::string image; ///< with the "~" of one that is never pulled
  std::optional<bool> crash_detection; ///< of the server; else the node's

  struct {
    std::vector<std::string> done; ///< a part of a line, or "regex:…"
    bool strip_ansi = false;
  } startup;

  struct {
    std::string type; ///< command, signal, stop, or empty
    std::string value;
  } stop;

  std::string files = "[]"; ///< process_configuration.configs, JSON

  std::int64_t disk_bytes() const; ///< the quota; 0: none
};

/// Whether `settings.build` keeps the kernel from killing a server that is out
/// of memory: Pterodactyl's Panel says so by `oom_disabled`, Pelican's by the
/// opposite, `oom_killer`. `build` is JSON, ordered or not, and anything.
template<class Json>
bool is_oom_disabled(const Json& build) {
  const auto says = [&](const char* name, bool what) {
    const auto found = build.find(name);
    return found != build.end() && found->is_boolean()
           && found->template get<bool>() == what;
  };
  return says("oom_disabled", true) || says("oom_killer", false);
}

/// `config` is {"settings":…,"process_configuration":…}. Fault `malformed`.
result<server_config> parse_server_config(std::string_view config);

/// What is to be done to make a server stop (wings-protocol 8.5), repaired: a
/// named signal is that signal, and "^C" is SIGINT.
struct stop_way {
  std::string command; ///< to the console; empty: a signal
  std::string signal;  ///< "SIGINT"; empty: the image's own
};
stop_way how_to_stop(const server_config& config);

} // namespace alula::jobs
