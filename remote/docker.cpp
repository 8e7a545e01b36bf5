#include "remote/docker.hpp"

#include "remote/docker_answers.hpp"
#include "remote/docker_link.hpp"
#include "remote/docker_removal.hpp"
#include "remote/docker_signal.hpp"
#include "remote/docker_stop.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace alula::remote {

using jobs::container_info;
using jobs::fault;
using jobs::fault_code;
using jobs::result;

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

namespace {

result<std::vector<container_info>>
list_containers(docker_link& link, const std::string& query,
                const std::stop_token& stop) {
  const auto& settings = link.settings;
  auto pass = link.circuits.enter({}, stop);
  if (!pass)
    return std::move(pass).error();
  const docker_api::call what{.method = "GET",
                              .path = "/containers/json?all=1" + query,
                              .limit = settings.list,
                              .max_body = settings.max_list_bytes};
  auto answer = link.api.run(what, *pass, stop);
  if (!answer)
    return std::move(answer).error();
  if (!is_success(*answer))
    return fault_of(*answer, "GET /containers/json");
  auto containers = read_containers(answer->body);
  if (!containers)
    return link.api.not_docker("GET /containers/json");
  return *std::move(containers);
}

/// Kills have a circuit of their own: they are to break what other calls about
/// the container wait for.
constexpr std::string_view kill_circuit = " kill";

} // namespace

docker::docker(docker_settings settings)
  : docker(std::make_shared<docker_link>(std::move(settings))) {}

docker::docker(std::shared_ptr<docker_link> link) : link_(std::move(link)) {}

docker::~docker() = default;

result<std::optional<container_info>>
docker::inspect(std::string_view name_or_id) {
  if (!is_container_name(name_or_id))
    return not_a_name(name_or_id);
  auto pass = link_->circuits.enter(name_or_id, {});
  if (!pass)
    return std::move(pass).error();
  return link_->api.inspect(name_or_id, *pass, link_->settings.inspect, {});
}

jobs::status docker::destroy(std::string_view name_or_id,
                             std::stop_token stop) {
  if (!is_container_name(name_or_id))
    return not_a_name(name_or_id);
  auto pass = link_->circuits.enter(name_or_id, stop);
  if (!pass)
    return std::move(pass).error();
  docker_removal removal{link_->api, link_->settings, *pass, name_or_id,
                         std::move(stop)};
  return removal.run();
}

jobs::status docker::stop(std::string_view name_or_id, std::string_view signal,
                          std::chrono::milliseconds grace,
                          std::stop_token stop) {
  if (!is_container_name(name_or_id))
    return not_a_name(name_or_id);
  docker_stop ladder{*this, *link_, name_or_id, std::move(stop)};
  return ladder.run(signal, grace);
}

jobs::status docker::kill(std::string_view name_or_id,
                          std::string_view signal) {
  if (!is_container_name(name_or_id))
    return not_a_name(name_or_id);
  const std::string name{name_or_id};
  const auto& settings = link_->settings;
  auto pass = link_->circuits.enter(name + std::string{kill_circuit}, {});
  if (!pass)
    return std::move(pass).error();
  auto seen = link_->api.inspect(name, *pass, settings.inspect, {});
  if (!seen)
    return std::move(seen).error();
  if (!*seen)
    return {};
  const auto post = [&](const std::string& verb) {
    return link_->api.run({.method = "POST",
                           .path = "/containers/" + escape((*seen)->id) + verb,
                           .limit = settings.kill,
                           .max_body = settings.max_answer_bytes},
                          *pass, {});
  };
  const auto sent = signal_thawed(post, signal, (*seen)->status == "paused");
  if (!sent)
    return sent.error();
  if (is_success(*sent) || is_missing(*sent) || is_not_running(*sent))
    return {};
  return is_wrong_signal(*sent)
             ? fault{fault_code::docker_refused,
                     "Docker knows no signal \"" + std::string{signal} + '"'}
             : fault_of(*sent, "POST /containers/" + name + "/kill");
}

std::unique_ptr<jobs::end_notice>
docker::notice_end(std::string_view name_or_id, std::chrono::milliseconds limit,
                   std::function<void()> told) {
  return link_->waits.open(name_or_id, limit, std::move(told));
}

jobs::status docker::start(std::string_view name_or_id) {
  if (!is_container_name(name_or_id))
    return not_a_name(name_or_id);
  auto pass = link_->circuits.enter(name_or_id, {});
  if (!pass)
    return std::move(pass).error();
  const auto& settings = link_->settings;
  // dockerd would also start what only begins like the id.
  auto seen = link_->api.inspect(name_or_id, *pass, settings.inspect, {});
  if (!seen)
    return std::move(seen).error();
  const std::string where =
      "POST /containers/" + std::string{name_or_id} + "/start";
  if (!*seen)
    return fault{fault_code::docker_refused,
                 "there is no container " + std::string{name_or_id}
                     + " to start",
                 where};
  auto answer =
      link_->api.run({"POST", "/containers/" + escape((*seen)->id) + "/start",
                      settings.start, settings.max_answer_bytes},
                     *pass, {});
  if (!answer)
    return std::move(answer).error();
  if (is_success(*answer) || answer->status == 304) // 304: it runs already
    return {};
  return fault_of_start(*answer, where);
}

result<std::vector<std::string>> docker::find_by_label(std::string_view label,
                                                       std::stop_token stop) {
  if (label.empty() || label.front() == '=')
    return fault{fault_code::docker_refused, "an empty label finds nothing"};
  nlohmann::json filters;
  filters["label"] = nlohmann::json::array({std::string{label}});
  const auto text =
      filters.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  auto listed = list_containers(*link_, "&filters=" + escape(text), stop);
  if (!listed)
    return std::move(listed).error();
  std::vector<std::string> ids;
  // What is found here gets destroyed: never trust that the filter was read.
  for (const auto& container : *listed)
    if (has_label(container, label))
      ids.push_back(container.id);
  return ids;
}

result<std::vector<container_info>> docker::list(std::stop_token stop) {
  return list_containers(*link_, {}, stop);
}

std::vector<std::string> docker::unresponsive() const {
  auto names = link_->circuits.unresponsive();
  for (auto& name : names)
    if (name.ends_with(kill_circuit))
      name.resize(name.size() - kill_circuit.size());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// Not of kills: no look ends the silence of theirs, and whoever cannot be
/// killed is looked at, too.
std::optional<jobs::container_silence>
docker::silence_of(std::string_view name) const {
  const auto silence = link_->circuits.silence_of(name);
  if (!silence)
    return std::nullopt;
  const auto calls = silence->calls == 1
                         ? std::string{"call"}
                         : std::to_string(silence->calls) + " calls";
  return jobs::container_silence{silence->lasted,
                                 "dockerd has left the last " + calls
                                     + " about the container without an "
                                       "answer"};
}

} // namespace alula::remote
