#include "http/server_presenter.hpp"

#include "http/json_values.hpp"
#include "http/timestamps.hpp"
#include "jobs/server_config.hpp"

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
          {"oom_disabled", jobs::is_oom_disabled(in)}};
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

json install_of(const jobs::server_record& server) {
  return {{"state", jobs::to_string(server.install)},
          {"installed_at", time_or_null(server.installed_at)}};
}

json crash_of(const jobs::server_record& server) {
  if (server.crashed_at == 0)
    return nullptr;
  return {{"at", to_rfc3339(server.crashed_at)},
          {"exit_code", server.crash_exit_code},
          {"out_of_memory", server.crash_out_of_memory}};
}

json unresponsive_of(const usage_answer& usage) {
  if (!usage || !usage->unresponsive)
    return nullptr;
  return {{"since", to_rfc3339(usage->unresponsive_since)},
          {"why", usage->unresponsive_why}};
}

bool runs(const container_answer& container) {
  return container && *container && (*container)->running;
}

bool acts_on_container(const jobs::job_record& job) {
  return job.kind.starts_with("server.")
         && (job.state == jobs::job_state::running
             || job.state == jobs::job_state::cancelling);
}

/// A job holds the container, for a slow start or removal, say: what the node
/// says of it meanwhile is what it does to it. Docker is not asked past that
/// call: it would wait for the same lock, and look hung. When no job holds it,
/// a mere look does that gets no answer.
bool is_handled(const container_answer& container, const usage_answer& usage,
                const std::vector<jobs::job_record>& live) {
  return !container
         && container.error().code == jobs::fault_code::container_busy && usage
         && usage->is_known && std::ranges::any_of(live, acts_on_container);
}

/// The node knows more words than Docker; Docker knows a container that the
/// node has not seen yet.
std::string_view state_of(const jobs::server_record& server,
                          const container_answer& container,
                          const usage_answer& usage) {
  const bool is_seen =
      usage
      && (usage->state != jobs::process_state::offline || !runs(container));
  if (is_seen && server.state != jobs::server_state::deleting)
    return jobs::to_string(usage->state);
  return environment_state(server, container);
}

json utilization_of(const jobs::server_record& server,
                    const container_answer& container,
                    const usage_answer& usage, std::int64_t configured_limit,
                    jobs::time_ms now) {
  auto known = usage.value_or(jobs::process_usage{});
  if (known.sample.memory_limit_bytes == 0)
    known.sample.memory_limit_bytes = configured_limit;
  if (runs(container) && (*container)->started_at > 0)
    known.uptime_ms =
        std::max<jobs::time_ms>(0, now - (*container)->started_at);
  auto out = json::parse(jobs::to_json(known));
  out["state"] = state_of(server, container, usage);
  return out;
}

json object_of(const jobs::server_record& server,
               const container_answer& container, jobs::time_ms now,
               const usage_answer& usage, bool is_state_known,
               const jobs::overhead_rule& overhead) {
  const bool suspended =
      server.suspended || server.state == jobs::server_state::restoring;
  auto configuration = configuration_of(server, suspended);
  const auto limit = jobs::memory_limit_of(
      configuration["build"]["memory_limit"].get<std::int64_t>(), overhead);
  return {{"state", state_of(server, container, usage)},
          {"is_suspended", suspended},
          {"utilization", utilization_of(server, container, usage, limit, now)},
          {"configuration", std::move(configuration)},
          {"lifecycle", jobs::to_string(server.state)},
          {"quarantined_at", time_or_null(server.quarantined_at)},
          {"is_transferring", server.transferring},
          {"wanted_power", server.wanted_up ? "up" : "down"},
          {"install", install_of(server)},
          {"last_crash", crash_of(server)},
          {"state_known", is_state_known},
          {"unresponsive", unresponsive_of(usage)}};
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
                           const container_answer& container, jobs::time_ms now,
                           const std::vector<jobs::job_record>& live,
                           const usage_answer& usage,
                           const jobs::overhead_rule& overhead) {
  const bool is_known =
      (container.has_value() || is_handled(container, usage, live))
      && !(usage && usage->unresponsive);
  auto out = object_of(server, container, now, usage, is_known, overhead);
  out["jobs"] = json::array();
  for (const auto& job : live)
    out["jobs"].push_back({{"id", job.id.view()},
                           {"kind", job.kind},
                           {"state", jobs::to_string(job.state)}});
  return text_of(out);
}

std::string present_servers(
    const std::vector<jobs::server_ptr>& servers, jobs::time_ms now,
    const std::function<usage_answer(const jobs::server_id&)>& usage,
    const jobs::overhead_rule& overhead) {
  const container_answer unasked = jobs::fault{.what = "not asked"};
  std::string out = "[";
  for (const auto& server : servers) {
    if (out.size() > 1)
      out += ',';
    const auto known = usage ? usage(server->uuid) : std::nullopt;
    const bool is_up = known && known->state != jobs::process_state::offline;
    out += text_of(object_of(*server, unasked, now, known,
                             is_up && !known->unresponsive, overhead));
  }
  return out += ']';
}

} // namespace alula::http
