#include "remote/docker.hpp"

#include "remote/docker_answers.hpp"
#include "remote/docker_api.hpp"
#include "remote/docker_removal.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace alula::remote {

using jobs::container_info;
using jobs::fault;
using jobs::fault_code;
using jobs::result;

namespace {

/// Docker's own grammar of names, which includes ids and uuids. Keeps a name
/// from becoming another path: DELETE /containers/ + "" is not a container.
bool is_container_name(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= 255 && is_plain(text.front())
         && std::all_of(text.begin(), text.end(), [&](char c) {
              return is_plain(c) || c == '_' || c == '.' || c == '-';
            });
}

fault not_a_name(std::string_view text) {
  return {fault_code::docker_refused,
          "\"" + std::string{text.substr(0, 100)}
              + "\" is not a container's name or id"};
}

} // namespace

result<std::string> socket_of(std::string_view docker_host) {
  constexpr std::string_view scheme = "unix://";
  auto path = docker_host;
  if (path.starts_with(scheme))
    path.remove_prefix(scheme.size());
  if (path.starts_with('/'))
    return std::string{path};
  return fault{fault_code::validation,
               "\"" + std::string{docker_host}
                   + "\" is not a Docker socket: unix:///path is allowed"};
}

class docker::parts {
public:
  explicit parts(docker_settings given)
    : settings(std::move(given)), api(settings), circuits(settings.circuit) {}

  result<std::vector<listed_container>> list(const std::string& query) {
    auto pass = circuits.enter({}, {});
    if (!pass)
      return std::move(pass).error();
    const docker_api::call what{"GET", "/containers/json?all=1" + query,
                                settings.list, settings.max_list_bytes};
    auto answer = api.run(what, *pass, {});
    if (!answer)
      return std::move(answer).error();
    if (!is_success(*answer))
      return fault_of(*answer, "GET /containers/json");
    auto containers = read_containers(answer->body);
    if (!containers)
      return fault{fault_code::docker_unavailable,
                   "what answers at " + settings.socket
                       + " does not speak Docker's API",
                   "GET /containers/json"};
    return *std::move(containers);
  }

  const docker_settings settings;
  docker_api api;
  circuit_breaker circuits;
};

docker::docker(docker_settings settings)
  : parts_(std::make_unique<parts>(std::move(settings))) {}

docker::~docker() = default;

result<std::optional<container_info>>
docker::inspect(std::string_view name_or_id) {
  if (!is_container_name(name_or_id))
    return not_a_name(name_or_id);
  auto pass = parts_->circuits.enter(name_or_id, {});
  if (!pass)
    return std::move(pass).error();
  return parts_->api.inspect(name_or_id, *pass, parts_->settings.inspect, {});
}

jobs::status docker::destroy(std::string_view name_or_id,
                             std::stop_token stop) {
  if (!is_container_name(name_or_id))
    return not_a_name(name_or_id);
  auto pass = parts_->circuits.enter(name_or_id, stop);
  if (!pass)
    return std::move(pass).error();
  docker_removal removal{parts_->api, parts_->settings, *pass, name_or_id,
                         std::move(stop)};
  return removal.run();
}

result<std::vector<std::string>> docker::find_by_label(std::string_view label) {
  if (label.empty() || label.front() == '=')
    return fault{fault_code::docker_refused, "an empty label finds nothing"};
  nlohmann::json filters;
  filters["label"] = nlohmann::json::array({std::string{label}});
  const auto text =
      filters.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  auto listed = parts_->list("&filters=" + escape(text));
  if (!listed)
    return std::move(listed).error();
  std::vector<std::string> ids;
  // What is found here gets destroyed: never trust that the filter was read.
  for (const auto& container : *listed)
    if (has_label(container, label))
      ids.push_back(container.info.id);
  return ids;
}

result<std::vector<container_info>> docker::list() {
  auto listed = parts_->list({});
  if (!listed)
    return std::move(listed).error();
  std::vector<container_info> infos;
  infos.reserve(listed->size());
  for (auto& container : *listed)
    infos.push_back(std::move(container.info));
  return infos;
}

std::vector<std::string> docker::unresponsive() const {
  return parts_->circuits.unresponsive();
}

} // namespace alula::remote
