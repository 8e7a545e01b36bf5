#include "app/life_settings.hpp"

#include "app/places.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace alula::app {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// As Wings finds it, without asking another program (wings-protocol 6.3).
std::string timezone_of(const config& settings) {
  if (!settings.system.timezone.empty())
    return settings.system.timezone;
  if (const char* variable = std::getenv("TZ"); variable && *variable != '\0')
    return variable;
  std::string name;
  std::ifstream file{"/etc/timezone"};
  if (std::getline(file, name) && !name.empty())
    return name;
  name = zone_of_link("/etc/localtime");
  return name.empty() ? "UTC" : name;
}

std::string user_of(const config& settings) {
  const auto& rootless = settings.system.user.rootless;
  if (rootless.enabled)
    return std::to_string(rootless.container_uid) + ':'
           + std::to_string(rootless.container_gid);
  const auto who = file_owner(settings);
  return std::to_string(who.uid) + ':' + std::to_string(who.gid);
}

/// None for the networks that Docker brings.
jobs::network_spec network_of(const config& settings) {
  const auto& asked = settings.docker.network;
  jobs::network_spec out;
  const auto& mode = asked.network_mode;
  if (mode != asked.name || mode == "host" || mode == "bridge"
      || mode == "none")
    return out;
  out.name = asked.name;
  out.driver = asked.driver;
  out.internal = asked.is_internal;
  out.ipv6 = !asked.v6.subnet.empty();
  out.subnet = asked.v4.subnet;
  out.gateway = asked.v4.gateway;
  out.subnet_v6 = asked.v6.subnet;
  out.gateway_v6 = asked.v6.gateway;
  if (asked.driver != "bridge")
    return out;
  out.options = {
      {"encryption", "false"},
      {"com.docker.network.bridge.default_bridge", "false"},
      {"com.docker.network.bridge.enable_icc",
       asked.enable_icc ? "true" : "false"},
      {"com.docker.network.bridge.enable_ip_masquerade", "true"},
      {"com.docker.network.bridge.host_binding_ipv4", "0.0.0.0"},
      {"com.docker.network.bridge.name", "pterodactyl0"},
      {"com.docker.network.driver.mtu", std::to_string(asked.network_mtu)}};
  return out;
}

jobs::container_rules rules_of(const config& settings) {
  const auto& docker = settings.docker;
  const auto& network = docker.network;
  jobs::container_rules out;
  out.data_directory = settings.system.data.string();
  out.timezone = timezone_of(settings);
  out.user = user_of(settings);
  out.allowed_mounts = settings.allowed_mounts;
  out.interface = network.interface;
  out.dns = network.dns;
  out.network = network_of(settings);
  out.network_mode = network.network_mode;
  out.domainname = docker.domainname;
  for (const auto& [host, name] : docker.registries.username) {
    const auto password = docker.registries.password.find(host);
    if (password != docker.registries.password.end())
      out.registries.push_back({host, {name, password->second}});
  }
  out.tmpfs_mib = docker.tmpfs_size;
  out.pids = std::max<std::int64_t>(docker.container_pid_limit, 0);
  out.installer_memory = docker.installer_limits.memory;
  out.installer_cpu = docker.installer_limits.cpu;
  out.overhead.override = docker.overhead.override;
  out.overhead.standard = docker.overhead.default_multiplier;
  for (const auto& [text, factor] : docker.overhead.multipliers) {
    std::int64_t limit = 0;
    std::from_chars(text.data(), text.data() + text.size(), limit);
    if (limit > 0)
      out.overhead.multipliers[limit] = factor;
  }
  out.userns_mode = docker.userns_mode;
  out.log_driver = docker.log_config.type;
  out.log_options = docker.log_config.config;
  // One of ours is looked at when a container is made.
  if (!out.network.name.empty())
    return out;
  const bool of_host = out.network_mode == "host";
  return on_network(std::move(out), of_host ? "host" : network.driver);
}

} // namespace

remote::docker_settings docker_settings_of(const config& settings,
                                           std::string socket) {
  const auto& limits = settings.docker.deadlines;
  remote::docker_settings out;
  out.socket = std::move(socket);
  out.connect = limits.connect;
  out.inspect = limits.inspect;
  out.list = limits.list;
  out.kill = limits.kill;
  out.removal = limits.removal;
  return out;
}

remote::docker_factory_settings factory_settings_of(const config& settings) {
  remote::docker_factory_settings out;
  out.pull = settings.docker.deadlines.pull;
  return out;
}

jobs::life_settings life_settings_of(const config& settings) {
  jobs::life_settings out;
  out.rules = rules_of(settings);
  out.check_permissions_on_boot = settings.system.check_permissions_on_boot;
  out.disk_check_interval = seconds{settings.system.disk_check_interval};
  out.install_deadline = settings.jobs.install_deadline;
  out.install_silence = settings.jobs.install_silence;
  return out;
}

actors::process_settings process_settings_of(const config& settings) {
  actors::process_settings out;
  out.app_name = settings.app_name;
  out.throttle_lines = static_cast<std::size_t>(settings.throttles.lines);
  out.throttle_interval = milliseconds{settings.throttles.line_reset_interval};
  out.disk_check_interval = seconds{settings.system.disk_check_interval};
  return out;
}

actors::keeper_settings keeper_settings_of(const config& settings) {
  const auto& crashes = settings.system.crash_detection;
  actors::keeper_settings out;
  out.crashes = {.enabled = crashes.enabled,
                 .clean_exit_is_crash = crashes.detect_clean_exit_as_crash,
                 .timeout = seconds{crashes.timeout}};
  out.starts_at_once = static_cast<std::size_t>(settings.jobs.boot_starts);
  out.states_file = settings.system.root_directory / "states.json";
  return out;
}

std::string zone_of_link(const std::filesystem::path& link) {
  constexpr std::string_view below = "/zoneinfo/";
  std::error_code none;
  const auto to = std::filesystem::read_symlink(link, none).string();
  const auto at = to.find(below);
  return at == std::string::npos ? "" : to.substr(at + below.size());
}

} // namespace alula::app
