// The keys about running servers (wings-protocol 6.1, 6.3, 6.4), and ours.
#include "app/config_schema.hpp"

namespace alula::app {

namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr std::int64_t max_id = 4'294'967'294; // (uid_t)-1 means "nobody"
constexpr std::int64_t most_mb = 1'000'000'000;

std::vector<known_key> of_the_node() {
  return {
      {"app_name",
       text_rule{[](config& c) -> std::string& { return c.app_name; }}},
      {"allowed_mounts", list_rule{[](config& c) -> std::vector<std::string>& {
         return c.allowed_mounts;
       }}},
      {"throttles.lines", integer_rule{1, 1'000'000,
                                       [](config& c) -> std::int64_t& {
                                         return c.throttles.lines;
                                       }}},
      {"throttles.line_reset_interval",
       integer_rule{1, 3'600'000,
                    [](config& c) -> std::int64_t& {
                      return c.throttles.line_reset_interval;
                    }}},
      {"system.log_directory",
       path_rule{[](config& c) -> std::filesystem::path& {
         return c.system.log_directory;
       }}},
      {"system.tmp_directory",
       path_rule{[](config& c) -> std::filesystem::path& {
         return c.system.tmp_directory;
       }}},
      {"system.timezone",
       text_rule{[](config& c) -> std::string& { return c.system.timezone; }}},
      {"system.user.rootless.enabled", boolean_rule{[](config& c) -> bool& {
         return c.system.user.rootless.enabled;
       }}},
      {"system.user.rootless.container_uid",
       integer_rule{0, max_id,
                    [](config& c) -> std::int64_t& {
                      return c.system.user.rootless.container_uid;
                    }}},
      {"system.user.rootless.container_gid",
       integer_rule{0, max_id,
                    [](config& c) -> std::int64_t& {
                      return c.system.user.rootless.container_gid;
                    }}},
      {"system.disk_check_interval",
       integer_rule{0, 31'536'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.disk_check_interval;
                    }}},
      {"system.check_permissions_on_boot", boolean_rule{[](config& c) -> bool& {
         return c.system.check_permissions_on_boot;
       }}},
      {"system.crash_detection.enabled", boolean_rule{[](config& c) -> bool& {
         return c.system.crash_detection.enabled;
       }}},
      {"system.crash_detection.detect_clean_exit_as_crash",
       boolean_rule{[](config& c) -> bool& {
         return c.system.crash_detection.detect_clean_exit_as_crash;
       }}},
      {"system.crash_detection.timeout",
       integer_rule{0, 31'536'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.crash_detection.timeout;
                    }}},
  };
}

std::vector<known_key> of_docker() {
  return {
      {"docker.network.interface", text_rule{[](config& c) -> std::string& {
         return c.docker.network.interface;
       }}},
      {"docker.network.name", text_rule{[](config& c) -> std::string& {
         return c.docker.network.name;
       }}},
      {"docker.network.network_mode", text_rule{[](config& c) -> std::string& {
         return c.docker.network.network_mode;
       }}},
      {"docker.network.driver", text_rule{[](config& c) -> std::string& {
         return c.docker.network.driver;
       }}},
      {"docker.network.dns",
       list_rule{[](config& c) -> std::vector<std::string>& {
         return c.docker.network.dns;
       }}},
      {"docker.network.ispn",
       boolean_rule{[](config& c) -> bool& { return c.docker.network.ispn; }}},
      {"docker.network.is_internal", boolean_rule{[](config& c) -> bool& {
         return c.docker.network.is_internal;
       }}},
      {"docker.network.enable_icc", boolean_rule{[](config& c) -> bool& {
         return c.docker.network.enable_icc;
       }}},
      {"docker.network.network_mtu",
       integer_rule{0, 65'535,
                    [](config& c) -> std::int64_t& {
                      return c.docker.network.network_mtu;
                    }}},
      {"docker.network.interfaces.v4.subnet",
       text_rule{[](config& c) -> std::string& {
         return c.docker.network.v4.subnet;
       }}},
      {"docker.network.interfaces.v4.gateway",
       text_rule{[](config& c) -> std::string& {
         return c.docker.network.v4.gateway;
       }}},
      {"docker.network.interfaces.v6.subnet",
       text_rule{[](config& c) -> std::string& {
         return c.docker.network.v6.subnet;
       }}},
      {"docker.network.interfaces.v6.gateway",
       text_rule{[](config& c) -> std::string& {
         return c.docker.network.v6.gateway;
       }}},
      {"docker.domainname", text_rule{[](config& c) -> std::string& {
         return c.docker.domainname;
       }}},
      {"docker.registries.*.username",
       text_rule{nullptr,
                 [](config& c) -> named<std::string>& {
                   return c.docker.registries.username;
                 }}},
      {"docker.registries.*.password",
       text_rule{nullptr,
                 [](config& c) -> named<std::string>& {
                   return c.docker.registries.password;
                 }}},
      {"docker.tmpfs_size", integer_rule{0, 1'048'576,
                                         [](config& c) -> std::int64_t& {
                                           return c.docker.tmpfs_size;
                                         }}},
      {"docker.container_pid_limit",
       integer_rule{-1, 4'194'304,
                    [](config& c) -> std::int64_t& {
                      return c.docker.container_pid_limit;
                    }}},
      {"docker.installer_limits.memory",
       integer_rule{0, most_mb,
                    [](config& c) -> std::int64_t& {
                      return c.docker.installer_limits.memory;
                    }}},
      {"docker.installer_limits.cpu",
       integer_rule{0, 1'000'000,
                    [](config& c) -> std::int64_t& {
                      return c.docker.installer_limits.cpu;
                    }}},
      {"docker.overhead.override", boolean_rule{[](config& c) -> bool& {
         return c.docker.overhead.override;
       }}},
      {"docker.overhead.default_multiplier",
       number_rule{.into = [](config& c) -> double& {
         return c.docker.overhead.default_multiplier;
       }}},
      {"docker.overhead.multipliers.*",
       number_rule{.into_named = [](config& c) -> named<double>& {
         return c.docker.overhead.multipliers;
       }}},
      {"docker.userns_mode", text_rule{[](config& c) -> std::string& {
         return c.docker.userns_mode;
       }}},
      {"docker.log_config.type", text_rule{[](config& c) -> std::string& {
         return c.docker.log_config.type;
       }}},
      {"docker.log_config.config.*",
       text_rule{nullptr,
                 [](config& c) -> named<std::string>& {
                   return c.docker.log_config.config;
                 }}},
  };
}

std::vector<known_key> of_jobs() {
  return {
      {"jobs.pools.power", integer_rule{1, 64,
                                        [](config& c) -> std::int64_t& {
                                          return c.jobs.pools.power;
                                        }}},
      {"jobs.pools.kill", integer_rule{1, 64,
                                       [](config& c) -> std::int64_t& {
                                         return c.jobs.pools.kill;
                                       }}},
      {"jobs.pools.install", integer_rule{1, 64,
                                          [](config& c) -> std::int64_t& {
                                            return c.jobs.pools.install;
                                          }}},
      {"jobs.pools.pull", integer_rule{1, 64,
                                       [](config& c) -> std::int64_t& {
                                         return c.jobs.pools.pull;
                                       }}},
      {"jobs.boot_starts", integer_rule{1, 64,
                                        [](config& c) -> std::int64_t& {
                                          return c.jobs.boot_starts;
                                        }}},
      {"jobs.install_deadline",
       duration_rule{minutes{1}, hours{24 * 7},
                     [](config& c) -> std::chrono::milliseconds& {
                       return c.jobs.install_deadline;
                     }}},
      {"jobs.install_silence",
       duration_rule{minutes{1}, hours{24 * 7},
                     [](config& c) -> std::chrono::milliseconds& {
                       return c.jobs.install_silence;
                     }}},
  };
}

} // namespace

std::vector<known_key> life_keys() {
  auto all = of_the_node();
  for (auto* more : {+[] { return of_docker(); }, +[] { return of_jobs(); }})
    for (auto& key : more())
      all.push_back(std::move(key));
  return all;
}

} // namespace alula::app
