#include "http/server_presenter.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

namespace alula::http {

namespace {

using json = nlohmann::ordered_json;

/// The member when it has the type of `standard`, else `standard`. What is
/// stored was checked when it came in; an older release may have been laxer.
json member_or(const json& in, const char* name, const json& standard) {
  const auto found = in.find(name);
  if (found == in.end())
    return standard;
  const bool alike = found->type() == standard.type()
                     || (found->is_number() && standard.is_number());
  return alike ? *found : standard;
}

/// A list or map that may be absent; Wings writes null then.
json or_null(const json& in, const char* name) {
  const auto found = in.find(name);
  return found == in.end() ? json(nullptr) : *found;
}

json part(const json& in, const char* name) {
  return member_or(in, name, json::object());
}

json build_of(const json& in) {
  return {{"memory_limit", member_or(in, "memory_limit", 0)},
          {"swap", member_or(in, "swap", 0)},
          {"io_weight", member_or(in, "io_weight", 0)},
          {"cpu_limit", member_or(in, "cpu_limit", 0)},
          {"disk_space", member_or(in, "disk_space", 0)},
          {"threads", member_or(in, "threads", "")},
          {"oom_disabled", member_or(in, "oom_disabled", false)}};
}

json allocations_of(const json& in) {
  const auto standard = part(in, "default");
  return {{"force_outgoing_ip", member_or(in, "force_outgoing_ip", false)},
          {"default",
           {{"ip", member_or(standard, "ip", "")},
            {"port", member_or(standard, "port", 0)}}},
          {"mappings", or_null(in, "mappings")}};
}

/// Every member Wings writes, in its order, whatever was stored.
json configuration_of(const jobs::server_record& server, bool suspended) {
  const auto config = json::parse(server.config, nullptr, false);
  const auto stored =
      config.is_object() ? part(config, "settings") : json::object();
  const auto meta = part(stored, "meta");
  const auto egg = part(stored, "egg");
  return {{"uuid", server.uuid.view()},
          {"meta",
           {{"name", member_or(meta, "name", "")},
            {"description", member_or(meta, "description", "")}}},
          {"suspended", suspended},
          {"invocation", member_or(stored, "invocation", "")},
          {"skip_egg_scripts", member_or(stored, "skip_egg_scripts", false)},
          {"environment", or_null(stored, "environment")},
          {"labels", or_null(stored, "labels")},
          {"allocations", allocations_of(part(stored, "allocations"))},
          {"build", build_of(part(stored, "build"))},
          {"crash_detection_enabled",
           member_or(stored, "crash_detection_enabled", true)},
          {"mounts", or_null(stored, "mounts")},
          {"egg",
           {{"id", member_or(egg, "id", "")},
            {"file_denylist", or_null(egg, "file_denylist")}}},
          {"container",
           {{"image", member_or(part(stored, "container"), "image", "")}}}};
}

json object_of(const jobs::server_record& server,
               const container_answer& container, jobs::time_ms now) {
  const bool suspended =
      server.suspended || server.state == jobs::server_state::restoring;
  const auto state = environment_state(server, container);
  const bool up = container && *container && (*container)->running
                  && (*container)->started_at > 0;
  const auto uptime =
      up ? std::max<jobs::time_ms>(0, now - (*container)->started_at) : 0;
  auto configuration = configuration_of(server, suspended);
  const auto limit = memory_limit_bytes(
      configuration["build"]["memory_limit"].get<std::int64_t>());
  return {{"state", state},
          {"is_suspended", suspended},
          {"utilization",
           {{"memory_bytes", 0},
            {"memory_limit_bytes", limit},
            {"cpu_absolute", 0},
            {"network", {{"rx_bytes", 0}, {"tx_bytes", 0}}},
            {"uptime", uptime},
            {"state", state},
            {"disk_bytes", 0}}},
          {"configuration", std::move(configuration)},
          {"lifecycle", jobs::to_string(server.state)},
          {"state_known", container.has_value()}};
}

std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

std::string_view environment_state(const jobs::server_record& server,
                                   const container_answer& container) {
  if (server.state == jobs::server_state::deleting)
    return "stopping";
  if (!container || !*container)
    return "offline";
  const auto& info = **container;
  if (info.status == "restarting")
    return "starting";
  if (info.status == "removing")
    return "stopping";
  return info.running ? "running" : "offline";
}

std::string present_server(const jobs::server_record& server,
                           const container_answer& container,
                           jobs::time_ms now) {
  return text_of(object_of(server, container, now));
}

std::string present_servers(const std::vector<jobs::server_ptr>& servers,
                            jobs::time_ms now) {
  const container_answer unasked = jobs::fault{.what = "not asked"};
  std::string out = "[";
  for (const auto& server : servers) {
    if (out.size() > 1)
      out += ',';
    out += text_of(object_of(*server, unasked, now));
  }
  return out += ']';
}

std::int64_t memory_limit_bytes(std::int64_t megabytes) {
  // Per mille, so that no rounding of a double shows.
  constexpr std::int64_t small = 2'048, medium = 4'096;
  const std::int64_t factor = megabytes <= small    ? 1'150
                              : megabytes <= medium ? 1'100
                                                    : 1'050;
  return std::max<std::int64_t>(0, megabytes) * factor * 1'000;
}

} // namespace alula::http
