#include "jobs/server_config.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace alula::jobs {

namespace {

using nlohmann::json;

const json& member(const json& in, const char* name) {
  static const json none;
  if (!in.is_object())
    return none;
  const auto found = in.find(name);
  return found == in.end() ? none : *found;
}

std::string text(const json& in, const char* name) {
  const auto& value = member(in, name);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

bool flag(const json& in, const char* name) {
  const auto& value = member(in, name);
  return value.is_boolean() && value.get<bool>();
}

std::int64_t whole(const json& value) {
  if (value.is_number_unsigned()) {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    const auto number = value.get<std::uint64_t>();
    return number > static_cast<std::uint64_t>(most)
               ? most
               : static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer())
    return value.get<std::int64_t>();
  if (value.is_number_float()) {
    constexpr double limit = 9e18;
    const auto number = value.get<double>();
    return std::isfinite(number) && std::abs(number) < limit
               ? static_cast<std::int64_t>(number)
               : 0;
  }
  std::int64_t out = 0;
  if (value.is_string()) {
    const auto& digits = value.get_ref<const std::string&>();
    std::from_chars(digits.data(), digits.data() + digits.size(), out);
  }
  return out;
}

std::int64_t number(const json& in, const char* name) {
  return whole(member(in, name));
}

/// As a program reads it out of its environment: Wings gives every number six
/// decimals (trap 53).
std::string plain(const json& value) {
  if (value.is_null())
    return {};
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_number_float()) {
    constexpr double exact = 9'007'199'254'740'992.0; // 2^53
    const auto real = value.get<double>();
    if (std::trunc(real) == real && std::abs(real) < exact)
      return std::to_string(static_cast<std::int64_t>(real));
  }
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string upper(std::string name) {
  for (char& c : name)
    if (c >= 'a' && c <= 'z')
      c = static_cast<char>(c - 'a' + 'A');
  return name;
}

void read_allocations(const json& in, server_config& into) {
  auto& out = into.allocations;
  out.force_outgoing_ip = flag(in, "force_outgoing_ip");
  const auto& standard = member(in, "default");
  out.ip = text(standard, "ip");
  out.port = static_cast<int>(
      std::clamp<std::int64_t>(number(standard, "port"), 0, 65'535));
  const auto& mappings = member(in, "mappings");
  if (!mappings.is_object())
    return;
  for (const auto& [ip, ports] : mappings.items()) {
    auto& list = out.mappings.emplace_back(ip, std::vector<std::uint16_t>{});
    if (!ports.is_array())
      continue;
    for (const auto& port : ports)
      if (const auto n = whole(port); n >= 1 && n <= 65'535)
        list.second.push_back(static_cast<std::uint16_t>(n));
  }
}

void read_build(const json& in, server_config& into) {
  auto& out = into.build;
  out.memory = number(in, "memory_limit");
  out.swap = number(in, "swap");
  out.io_weight = number(in, "io_weight");
  out.cpu = number(in, "cpu_limit");
  out.disk = number(in, "disk_space");
  out.threads = text(in, "threads");
  out.oom_disabled = is_oom_disabled(in);
}

void read_settings(const json& in, server_config& out) {
  out.name = text(member(in, "meta"), "name");
  out.suspended = flag(in, "suspended");
  out.invocation = text(in, "invocation");
  out.skip_egg_scripts = flag(in, "skip_egg_scripts");
  if (const auto& env = member(in, "environment"); env.is_object())
    for (const auto& [name, value] : env.items())
      out.environment.emplace_back(upper(name), plain(value));
  if (const auto& labels = member(in, "labels"); labels.is_object())
    for (const auto& [name, value] : labels.items())
      out.labels[name] = plain(value);
  read_allocations(member(in, "allocations"), out);
  read_build(member(in, "build"), out);
  if (const auto& mounts = member(in, "mounts"); mounts.is_array())
    for (const auto& m : mounts)
      out.mounts.push_back(
          {text(m, "source"), text(m, "target"), flag(m, "read_only")});
  out.image = text(member(in, "container"), "image");
  if (const auto& asked = member(in, "crash_detection_enabled");
      asked.is_boolean())
    out.crash_detection = asked.get<bool>();
}

void read_process(const json& in, server_config& out) {
  const auto& startup = member(in, "startup");
  const auto& done = member(startup, "done");
  if (done.is_string()) // eggs of old Panels
    out.startup.done.push_back(done.get<std::string>());
  if (done.is_array())
    for (const auto& each : done)
      if (each.is_string())
        out.startup.done.push_back(each.get<std::string>());
  out.startup.strip_ansi = flag(startup, "strip_ansi");
  const auto& stop = member(in, "stop");
  out.stop.type = text(stop, "type");
  out.stop.value = text(stop, "value");
  if (const auto& files = member(in, "configs"); files.is_array())
    out.files = files.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

std::int64_t server_config::disk_bytes() const {
  constexpr auto most = std::numeric_limits<std::int64_t>::max() >> 20;
  return build.disk <= 0 ? 0 : std::min(build.disk, most) << 20;
}

result<server_config> parse_server_config(std::string_view config) {
  const auto read = json::parse(config, nullptr, false);
  if (!read.is_object())
    return fault{.code = fault_code::malformed,
                 .what = "a server's configuration is not a JSON object"};
  server_config out;
  read_settings(member(read, "settings"), out);
  read_process(member(read, "process_configuration"), out);
  return out;
}

stop_way how_to_stop(const server_config& config) {
  const auto& [type, value] = config.stop;
  auto word = upper(value);
  if (word.starts_with('^'))
    word.erase(0, 1);
  else if (type == "command" && !value.empty())
    return {.command = value};
  else if (type != "signal")
    return {};
  if (word == "C")
    return {.signal = "SIGINT"};
  if (word == "\\" || word == "BACKSLASH")
    return {.signal = "SIGQUIT"};
  if (word.empty())
    return {};
  return {.signal = word.starts_with("SIG") ? word : "SIG" + word};
}

} // namespace alula::jobs
