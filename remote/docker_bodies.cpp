#include "remote/docker_bodies.hpp"

#include "remote/docker_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>

namespace alula::remote {

using nlohmann::json;

namespace {

/// What is no UTF-8 must not throw: dockerd may say what it thinks of it.
std::string text_of(const json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::int64_t number_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer()
             ? found->get<std::int64_t>()
             : 0;
}

json limits_of(const jobs::container_limits& limits) {
  json host = json::object();
  const auto set = [&](const char* key, std::int64_t value) {
    if (value != 0)
      host[key] = value;
  };
  set("Memory", limits.memory);
  set("MemoryReservation", limits.memory_reservation);
  set("MemorySwap", limits.memory_swap);
  set("CpuQuota", limits.cpu_quota);
  set("CpuPeriod", limits.cpu_period);
  set("CpuShares", limits.cpu_shares);
  set("BlkioWeight", limits.io_weight);
  set("PidsLimit", limits.pids);
  if (!limits.cpus.empty())
    host["CpusetCpus"] = limits.cpus;
  if (limits.oom_killer_disabled)
    host["OomKillDisable"] = true;
  return host;
}

json mounts_of(const std::vector<jobs::container_mount>& mounts) {
  json list = json::array();
  for (const auto& one : mounts)
    list.push_back({{"Type", "bind"},
                    {"Source", one.source},
                    {"Target", one.target},
                    {"ReadOnly", one.read_only}});
  return list;
}

std::vector<std::string> warnings_of(const json& answer) {
  std::vector<std::string> out;
  if (const auto list = answer.find("Warnings");
      list != answer.end() && list->is_array())
    for (const auto& one : *list)
      if (one.is_string())
        out.push_back(one.get<std::string>());
  return out;
}

std::string base64url(std::string_view bytes) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t n) {
      return n < bytes.size()
                 ? std::uint32_t{static_cast<unsigned char>(bytes[n])}
                 : 0U;
    };
    const auto three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    const auto left = bytes.size() - i;
    out += digits[three >> 18];
    out += digits[three >> 12 & 63];
    out += left > 1 ? digits[three >> 6 & 63] : '=';
    out += left > 2 ? digits[three & 63] : '=';
  }
  return out;
}

std::string backing_filesystem(const json& info) {
  const auto status = info.find("DriverStatus");
  if (status != info.end() && status->is_array())
    for (const auto& pair : *status)
      if (pair.is_array() && pair.size() == 2 && pair[0] == "Backing Filesystem"
          && pair[1].is_string())
        return pair[1].get<std::string>();
  return {};
}

std::string runc_version(const json& version, const json& info) {
  if (const auto commit = info.find("RuncCommit");
      commit != info.end() && commit->is_object())
    if (auto id = text_at(*commit, "ID"); !id.empty())
      return id;
  if (const auto parts = version.find("Components");
      parts != version.end() && parts->is_array())
    for (const auto& part : *parts)
      if (part.is_object() && text_at(part, "Name") == "runc")
        return text_at(part, "Version");
  return {};
}

} // namespace

// -- sent --------------------------------------------------------------------

std::string create_body(const jobs::container_spec& what) {
  auto host = limits_of(what.limits);
  host["Mounts"] = mounts_of(what.mounts);
  if (what.tmpfs_mib > 0)
    host["Tmpfs"]["/tmp"] =
        "rw,exec,nosuid,size=" + std::to_string(what.tmpfs_mib) + "M";
  host["Dns"] = what.dns;
  if (!what.log_driver.empty())
    host["LogConfig"] = {{"Type", what.log_driver},
                         {"Config", what.log_options}};
  if (what.no_new_privileges)
    host["SecurityOpt"] = {"no-new-privileges"};
  host["ReadonlyRootfs"] = what.read_only_root;
  host["CapDrop"] = what.dropped_capabilities;
  host["NetworkMode"] = what.network_mode;
  host["UsernsMode"] = what.userns_mode;
  host["RestartPolicy"] = {{"Name", "no"}};
  json body{{"Hostname", what.hostname}, {"Domainname", what.domainname},
            {"User", what.user},         {"AttachStdin", true},
            {"AttachStdout", true},      {"AttachStderr", true},
            {"OpenStdin", true},         {"Tty", true},
            {"Env", what.environment},   {"Image", what.image},
            {"Labels", what.labels}};
  if (!what.command.empty())
    body["Cmd"] = what.command;
  for (const auto& one : what.ports)
    for (const auto* protocol : {"/tcp", "/udp"}) {
      const auto port = std::to_string(one.port);
      body["ExposedPorts"][port + protocol] = json::object();
      host["PortBindings"][port + protocol].push_back(
          {{"HostIp", one.host_ip}, {"HostPort", port}});
    }
  body["HostConfig"] = std::move(host);
  return text_of(body);
}

std::string network_body(const jobs::network_spec& what) {
  json pools = json::array();
  const auto add = [&](const std::string& subnet, const std::string& gateway) {
    if (subnet.empty())
      return;
    json pool{{"Subnet", subnet}};
    if (!gateway.empty())
      pool["Gateway"] = gateway;
    pools.push_back(std::move(pool));
  };
  add(what.subnet, what.gateway);
  if (what.ipv6)
    add(what.subnet_v6, what.gateway_v6);
  json body{{"Name", what.name},       {"CheckDuplicate", true},
            {"Driver", what.driver},   {"Internal", what.internal},
            {"EnableIPv6", what.ipv6}, {"Attachable", false},
            {"Options", what.options}};
  if (!pools.empty())
    body["IPAM"] = {{"Driver", "default"}, {"Config", std::move(pools)}};
  return text_of(body);
}

std::string update_body(const jobs::container_limits& limits,
                        std::string_view all_cpus) {
  // The largest number both generations of cgroups take, whole pages. Docker's
  // own word for no limit of the swap, -1, is written after the memory, which
  // the kernel then refuses to raise above the old limit of the swap.
  constexpr std::int64_t no_swap_limit = 9'223'372'036'854'771'712;
  constexpr std::int64_t no_memory_limit = 4'611'686'018'427'383'808;
  const auto memory = limits.memory > 0 ? limits.memory : no_memory_limit;
  auto swap = limits.memory_swap > 0 ? limits.memory_swap : no_swap_limit;
  if (limits.memory_swap == 0 && memory < no_memory_limit)
    swap = memory * 2; // as Docker has it when a container is made
  // One above the limit is refused.
  const auto reservation =
      limits.memory_reservation > 0 ? limits.memory_reservation : memory;
  json body{{"Memory", memory},
            {"MemorySwap", std::max(swap, memory)},
            {"MemoryReservation", reservation},
            {"CpuQuota", limits.cpu_quota > 0 ? limits.cpu_quota : -1},
            {"CpuPeriod", limits.cpu_period > 0 ? limits.cpu_period : 100'000},
            {"CpuShares", limits.cpu_shares > 0 ? limits.cpu_shares : 1'024},
            {"PidsLimit", limits.pids > 0 ? limits.pids : -1}};
  if (const auto cpus = limits.cpus.empty() ? all_cpus : limits.cpus;
      !cpus.empty())
    body["CpusetCpus"] = std::string{cpus};
  // Zero would mean "as it was", and there is no other word for none.
  if (limits.io_weight > 0)
    body["BlkioWeight"] = limits.io_weight;
  return text_of(body);
}

std::string registry_auth(const jobs::registry_login& login) {
  return base64url(
      text_of({{"username", login.username}, {"password", login.password}}));
}

// -- answered ----------------------------------------------------------------

std::optional<made_container> read_made(std::string_view text) {
  const auto answer = json::parse(text, nullptr, /* allow_exceptions */ false);
  if (!answer.is_object())
    return std::nullopt;
  made_container made{text_at(answer, "Id"), warnings_of(answer)};
  if (made.id.empty())
    return std::nullopt;
  return made;
}

std::vector<std::string> read_warnings(std::string_view text) {
  const auto answer = json::parse(text, nullptr, /* allow_exceptions */ false);
  return answer.is_object() ? warnings_of(answer) : std::vector<std::string>{};
}

std::optional<jobs::network_found> read_network(std::string_view text,
                                                std::string_view name) {
  const auto answer = json::parse(text, nullptr, /* allow_exceptions */ false);
  if (!answer.is_object() || text_at(answer, "Name") != name)
    return std::nullopt;
  const auto internal = answer.find("Internal");
  return jobs::network_found{.driver = text_at(answer, "Driver"),
                             .internal = internal != answer.end()
                                         && internal->is_boolean()
                                         && internal->get<bool>()};
}

std::optional<jobs::docker_facts> read_facts(std::string_view version_text,
                                             std::string_view info_text) {
  const auto version = json::parse(version_text, nullptr, false);
  const auto info = json::parse(info_text, nullptr, false);
  if (!version.is_object() || !info.is_object())
    return std::nullopt;
  jobs::docker_facts facts;
  facts.version = text_at(version, "Version");
  if (facts.version.empty())
    return std::nullopt;
  facts.cgroup_driver = text_at(info, "CgroupDriver");
  facts.cgroup_version = text_at(info, "CgroupVersion");
  if (facts.cgroup_version.empty())
    facts.cgroup_version = "1"; // dockerd knew no other before it said
  facts.storage_driver = text_at(info, "Driver");
  facts.filesystem = backing_filesystem(info);
  facts.runc_version = runc_version(version, info);
  facts.operating_system = text_at(info, "OperatingSystem");
  facts.kernel_version = text_at(info, "KernelVersion");
  facts.containers = number_at(info, "Containers");
  facts.running = number_at(info, "ContainersRunning");
  facts.paused = number_at(info, "ContainersPaused");
  facts.stopped = number_at(info, "ContainersStopped");
  facts.memory_bytes = number_at(info, "MemTotal");
  return facts;
}

// -- names -------------------------------------------------------------------

std::optional<image_name> read_image_name(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9');
  };
  // Keeps it from becoming another path, or two.
  if (text.empty() || text.size() > 512 || !is_plain(text.front())
      || !is_plain(text.back()) || text.find("..") != std::string_view::npos
      || text.find("//") != std::string_view::npos
      || !std::all_of(text.begin(), text.end(), [&](char c) {
           return is_plain(c)
                  || std::string_view{"._-/:@+"}.find(c)
                         != std::string_view::npos;
         }))
    return std::nullopt;
  image_name name{std::string{text}, "latest"};
  auto at = text.find('@');
  if (at == std::string_view::npos) {
    at = text.rfind(':');
    if (at != std::string_view::npos
        && text.find('/', at) != std::string_view::npos)
      return name; // the port of a registry
  }
  if (at != std::string_view::npos) {
    name.repository = std::string{text.substr(0, at)};
    name.tag = std::string{text.substr(at + 1)};
  }
  if (name.repository.empty() || name.tag.empty())
    return std::nullopt;
  return name;
}

} // namespace alula::remote
