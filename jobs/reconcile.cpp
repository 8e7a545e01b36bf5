#include "jobs/reconcile.hpp"

#include <nlohmann/json.hpp>

namespace alula::jobs {

namespace {

using nlohmann::json;

json read(const std::string& config) {
  auto said = json::parse(config, nullptr, false);
  return said.is_object() ? said : json(nullptr);
}

bool is_suspended(const json& config) {
  const auto settings = config.find("settings");
  if (settings == config.end() || !settings->is_object())
    return false;
  const auto found = settings->find("suspended");
  return found != settings->end() && found->is_boolean() && found->get<bool>();
}

} // namespace

std::optional<change> difference(const server_record& here,
                                 const panel_server& there) {
  const auto said = read(there.config);
  if (said.is_null())
    return std::nullopt;
  const bool suspended = is_suspended(said);
  // One that is being deleted stays suspended, whatever anybody says.
  const bool alike =
      read(here.config) == said
      && (here.suspended == suspended || here.state == server_state::deleting)
      && here.quarantined_at == 0;
  if (alike)
    return std::nullopt;
  return set_server_config{here.uuid, there.config, suspended};
}

std::string registration(const panel_server& there) {
  auto body = read(there.config);
  if (body.is_null())
    body = json::object();
  body["uuid"] = there.uuid.view();
  body["skip_install"] = true;
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace alula::jobs
