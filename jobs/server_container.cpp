#include "jobs/server_container.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <utility>

namespace alula::jobs {

namespace {

constexpr std::int64_t mb = 1'000'000;

double overhead_of(std::int64_t memory, const overhead_rule& asked) {
  if (asked.override) {
    const auto fits = asked.multipliers.lower_bound(memory);
    return fits == asked.multipliers.end() ? asked.standard : fits->second;
  }
  constexpr std::int64_t small = 2'048, medium = 4'096;
  return memory <= small ? 1.15 : memory <= medium ? 1.10 : 1.05;
}

/// Rounded, and never beyond what fits.
std::int64_t scaled(std::int64_t memory, double factor) {
  constexpr double most = 9e18;
  const double bytes = static_cast<double>(memory) * factor * mb;
  return bytes >= most ? static_cast<std::int64_t>(most)
                       : std::llround(std::max(bytes, 0.0));
}

container_limits memory_limits(std::int64_t memory, std::int64_t swap,
                               const container_rules& rules) {
  container_limits out;
  if (memory > 0) {
    out.memory = memory_limit_of(memory, rules.overhead);
    out.memory_reservation = scaled(memory, 1);
  }
  if (swap < 0)
    out.memory_swap = -1;
  else if (memory > 0) // dockerd takes no swap limit without one of memory
    out.memory_swap =
        std::min(scaled(swap, 1),
                 std::numeric_limits<std::int64_t>::max() - out.memory)
        + out.memory;
  return out;
}

void limit_cpu(std::int64_t percent, container_limits& into) {
  if (percent <= 0)
    return;
  constexpr std::int64_t most = 10'000'000;
  into.cpu_quota = std::min(percent, most) * 1'000;
  into.cpu_period = 100'000;
  into.cpu_shares = 1'024;
}

/// Which cores, and how much of the disks.
void limit_place(const server_config& config, container_limits& into) {
  const auto& build = config.build;
  into.cpus = build.threads;
  constexpr std::int64_t least = 10, most = 1'000;
  if (build.io_weight >= least && build.io_weight <= most)
    into.io_weight = build.io_weight;
}

/// Sorted paths compare by component, so that /srv/map is not /srv/maps.
bool is_below(const std::filesystem::path& path,
              const std::filesystem::path& allowed) {
  const auto [a, b] =
      std::mismatch(allowed.begin(), allowed.end(), path.begin(), path.end());
  return a == allowed.end() || (a->empty() && std::next(a) == allowed.end());
}

bool is_allowed(const std::string& source, const container_rules& rules) {
  const auto path = std::filesystem::path{source}.lexically_normal();
  if (!path.is_absolute())
    return false;
  return std::ranges::any_of(rules.allowed_mounts, [&](const auto& entry) {
    const auto allowed = std::filesystem::path{entry}.lexically_normal();
    return allowed.is_absolute() && is_below(path, allowed);
  });
}

std::string reachable(const std::string& ip, const container_rules& rules) {
  return ip == "127.0.0.1" && !rules.interface.empty() ? rules.interface : ip;
}

std::vector<std::string> environment_of(const server_config& config,
                                        const container_rules& rules) {
  std::vector<std::pair<std::string, std::string>> all{
      {"TZ", rules.timezone},
      {"STARTUP", config.invocation},
      {"SERVER_MEMORY", std::to_string(config.build.memory)},
      {"SERVER_IP", reachable(config.allocations.ip, rules)},
      {"SERVER_PORT", std::to_string(config.allocations.port)}};
  for (const auto& [name, value] : config.environment) {
    const bool taken =
        std::ranges::count(all, name, &decltype(all)::value_type::first) > 0;
    // dockerd refuses these, and nobody could read them.
    const bool odd = name.empty() || name.find('=') != std::string::npos
                     || name.find('\0') != std::string::npos
                     || value.find('\0') != std::string::npos;
    if (!taken && !odd)
      all.emplace_back(name, value);
  }
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const auto& [name, value] : all)
    out.emplace_back(name).append(1, '=').append(value);
  return out;
}

std::vector<published_port> ports_of(const server_config& config,
                                     const container_rules& rules) {
  std::vector<published_port> out;
  for (const auto& [ip, ports] : config.allocations.mappings) {
    if (ip == "127.0.0.1" && rules.ispn)
      continue;
    for (const auto port : ports)
      out.push_back({reachable(ip, rules), port});
  }
  return out;
}

/// What both kinds of containers of a server have in common.
container_spec common_parts(const server_id& server,
                            const server_config& config,
                            const container_rules& rules) {
  container_spec out;
  out.environment = environment_of(config, rules);
  out.tmpfs_mib = rules.tmpfs_mib;
  out.dns = rules.dns;
  out.log_driver = rules.log_driver;
  out.log_options = rules.log_options;
  out.network_mode = rules.network_mode;
  out.userns_mode = rules.userns_mode;
  out.labels["Service"] = "Pterodactyl";
  out.labels["alula.server"] = server.to_string();
  return out;
}

std::string volume_of(const server_id& server, const container_rules& rules) {
  return (std::filesystem::path{rules.data_directory} / server.view()).string();
}

} // namespace

std::int64_t memory_limit_of(std::int64_t megabytes,
                             const overhead_rule& rule) {
  return megabytes <= 0 ? 0 : scaled(megabytes, overhead_of(megabytes, rule));
}

container_rules on_network(container_rules rules, std::string_view driver) {
  rules.ispn = driver == "overlay" || driver == "weavemesh";
  if (driver == "host")
    rules.interface = "127.0.0.1";
  else if (rules.ispn)
    rules.interface.clear();
  return rules;
}

image_name image_of(std::string_view configured) {
  if (configured.starts_with('~'))
    return {std::string{configured.substr(1)}, false};
  return {std::string{configured}, true};
}

namespace {

bool is_of_registry(std::string_view image, std::string_view registry) {
  if (registry.empty() || !image.starts_with(registry))
    return false;
  const auto rest = image.substr(registry.size());
  const bool names_image = registry.find('/') != std::string_view::npos;
  return rest.empty() || registry.ends_with('/') || rest.front() == '/'
         || (names_image && (rest.front() == ':' || rest.front() == '@'));
}

} // namespace

std::optional<registry_login> login_for(std::string_view image,
                                        const container_rules& rules) {
  const std::pair<std::string, registry_login>* best = nullptr;
  for (const auto& each : rules.registries)
    if (is_of_registry(image, each.first)
        && (!best || each.first.size() > best->first.size()))
      best = &each;
  return best ? std::optional{best->second} : std::nullopt;
}

container_limits limits_of(const server_config& config,
                           const container_rules& rules) {
  const auto& build = config.build;
  auto out = memory_limits(build.memory, build.swap, rules);
  limit_cpu(build.cpu, out);
  limit_place(config, out);
  out.pids = std::max<std::int64_t>(rules.pids, 0);
  out.oom_killer_disabled = build.oom_disabled;
  return out;
}

std::optional<network_spec> own_network(const server_config& config) {
  const auto& ip = config.allocations.ip;
  if (!config.allocations.force_outgoing_ip || ip.empty())
    return std::nullopt;
  network_spec out;
  out.name = "ip-" + ip;
  std::ranges::replace_if(
      out.name, [](char c) { return c == '.' || c == ':'; }, '-');
  out.options = {{"encryption", "false"},
                 {"com.docker.network.bridge.default_bridge", "false"},
                 {"com.docker.network.host_ipv4", ip}};
  return out;
}

container_plan server_container(const server_id& server,
                                const server_config& config,
                                const container_rules& rules) {
  container_plan out;
  auto& spec = out.spec = common_parts(server, config, rules);
  spec.name = spec.hostname = server.to_string();
  spec.domainname = rules.domainname;
  spec.image = image_of(config.image).name;
  spec.user = rules.user;
  for (const auto& [name, value] : config.labels)
    spec.labels.try_emplace(name, value); // the fixed ones win
  spec.labels["ContainerType"] = "server_process";
  spec.limits = limits_of(config, rules);
  spec.mounts.push_back({volume_of(server, rules), "/home/container", false});
  for (const auto& m : config.mounts) {
    if (is_allowed(m.source, rules) && m.target.starts_with('/'))
      spec.mounts.push_back(
          {std::filesystem::path{m.source}.lexically_normal().string(),
           m.target, m.read_only});
    else
      out.refused_mounts.push_back(m.source);
  }
  spec.ports = ports_of(config, rules);
  if (const auto own = own_network(config))
    spec.network_mode = own->name;
  spec.dropped_capabilities = {
      "setpcap", "mknod",  "audit_write",      "net_raw",    "dac_override",
      "fowner",  "fsetid", "net_bind_service", "sys_chroot", "setfcap"};
  spec.read_only_root = true;
  return out;
}

std::string installer_name(const server_id& server) {
  return server.to_string() + "_installer";
}

container_spec
installer_container(const server_id& server, const server_config& config,
                    const container_rules& rules, std::string_view image,
                    std::string_view entrypoint, std::string_view directory) {
  auto spec = common_parts(server, config, rules);
  spec.name = installer_name(server);
  spec.hostname = "installer";
  spec.image = image_of(image).name;
  spec.command = {std::string{entrypoint}, "/mnt/install/install.sh"};
  spec.labels["ContainerType"] = "server_installer";
  // 0 stands for "no limit", which is more than any.
  const auto memory =
      config.build.memory <= 0
          ? 0
          : std::max(config.build.memory, rules.installer_memory);
  spec.limits = memory_limits(memory, config.build.swap, rules);
  if (rules.installer_cpu > 0 && config.build.cpu > 0)
    limit_cpu(std::max(config.build.cpu, rules.installer_cpu), spec.limits);
  limit_place(config, spec.limits);
  spec.mounts = {{volume_of(server, rules), "/mnt/server", false},
                 {std::string{directory}, "/mnt/install", false}};
  spec.no_new_privileges = false; // as Wings: scripts use what images bring
  return spec;
}

} // namespace alula::jobs
