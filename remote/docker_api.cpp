#include "remote/docker_api.hpp"

#include "jobs/log.hpp"
#include "jobs/measures.hpp"
#include "remote/docker_answers.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <variant>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using std::chrono::milliseconds;

namespace {

/// dockerd 20.10, the oldest of the distributions we run on.
constexpr int first_version = 1041;

std::string path_prefix(int version) {
  if (version == 0)
    return {};
  return "/v" + std::to_string(version / 1000) + "."
         + std::to_string(version % 1000);
}

milliseconds left_until(std::chrono::steady_clock::time_point end) {
  const auto left =
      std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
  return std::max(left, milliseconds{1});
}

/// Of dockerd's: who was asked to stop has failed at nothing, and a 404 or 409
/// says how things are.
bool is_failure(const std::variant<http_answer, http_error>& outcome) {
  constexpr int first_of_the_server = 500;
  if (const auto* error = std::get_if<http_error>(&outcome))
    return error->kind != http_failure::stopped;
  return std::get<http_answer>(outcome).status >= first_of_the_server;
}

std::string name_of(const docker_api::call& what) {
  return what.method + " " + what.path.substr(0, what.path.find('?'));
}

} // namespace

docker_api::docker_api(const docker_settings& settings)
  : settings_(settings), client_({.unix_socket = settings.socket}),
    version_(first_version) {}

fault docker_api::fault_of(const http_error& error, const call& what) const {
  const auto& socket = settings_.socket;
  auto where = name_of(what);
  switch (error.kind) {
  case http_failure::stopped:
    return {fault_code::interrupted, "asked to stop", std::move(where)};
  case http_failure::timed_out:
    return {fault_code::docker_unavailable,
            "dockerd at " + socket + " did not answer within "
                + std::to_string(what.limit.count()) + " ms",
            std::move(where)};
  case http_failure::too_large:
  case http_failure::broken:
    return {fault_code::docker_unavailable,
            "dockerd at " + socket + " gave no usable answer: " + error.what,
            std::move(where)};
  case http_failure::forbidden: // of transfers only
  case http_failure::unread:
  case http_failure::unreachable:
    break;
  }
  std::string sentence;
  if (error.os_error == ENOENT)
    sentence = "there is no Docker socket at " + socket
               + ": is dockerd installed and running?";
  else if (error.os_error == ECONNREFUSED)
    sentence = "nothing listens on the Docker socket " + socket
               + ": is dockerd running?";
  else if (error.os_error == EACCES || error.os_error == EPERM)
    sentence = "permission denied on the Docker socket " + socket
               + ": the user alula runs as must be in the socket's group";
  else if (error.os_error != 0)
    sentence = "the Docker socket " + socket + " cannot be reached: "
               + std::generic_category().message(error.os_error);
  else
    sentence =
        "the Docker socket " + socket + " cannot be reached: " + error.what;
  return {fault_code::docker_unavailable, std::move(sentence),
          std::move(where)};
}

jobs::result<http_answer>
docker_api::send(const call& what, const std::string& version, deadline end,
                 circuit_breaker::pass& pass, const std::stop_token& stop) {
  http_request request;
  request.method = what.method;
  request.url = "http://docker" + version + what.path;
  request.connect_limit = settings_.connect;
  request.limit = left_until(end);
  request.max_body = what.max_body;
  request.body = what.body;
  request.headers = what.headers;
  request.take = what.take;
  request.silence = what.silence;
  if (!what.body.empty())
    request.headers.emplace_back("Content-Type", "application/json");
  const auto begun = std::chrono::steady_clock::now();
  auto outcome = client_.send(request, stop);
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::now() - begun;
  // What is waited for or streamed takes as long as its container.
  if (!what.take && what.silence.count() == 0)
    jobs::observe(jobs::measure::docker_call_seconds, took.count(),
                  what.method);
  if (is_failure(outcome))
    jobs::observe(jobs::measure::docker_failure, 1, what.method);
  if (auto* answer = std::get_if<http_answer>(&outcome)) {
    pass.answered();
    return std::move(*answer);
  }
  const auto& error = std::get<http_error>(outcome);
  // What is silent in the middle of an answer may wait for others itself.
  if (error.kind == http_failure::timed_out && what.silence.count() == 0)
    pass.hung();
  return fault_of(error, what);
}

fault docker_api::not_docker(std::string_view where) const {
  return {fault_code::docker_unavailable,
          "what answers at " + settings_.socket
              + " does not speak Docker's API",
          std::string{where}};
}

/// Asks for the versions dockerd speaks and keeps the one nearest to ours.
jobs::result<int> docker_api::negotiate(deadline end,
                                        circuit_breaker::pass& pass,
                                        const std::stop_token& stop) {
  const call ask{"GET", "/version", settings_.inspect,
                 settings_.max_answer_bytes};
  const auto answer = send(ask, {}, end, pass, stop);
  if (!answer)
    return answer.error();
  const auto range =
      is_success(*answer) ? read_api_range(answer->body) : std::nullopt;
  const int version =
      range ? std::clamp(first_version, range->oldest, range->newest) : 0;
  version_ = version;
  jobs::log(jobs::log_level::info, "docker-version",
            {{"socket", settings_.socket},
             {"api", version == 0 ? "any" : path_prefix(version).substr(2)}});
  return version;
}

jobs::result<http_answer> docker_api::run(const call& what,
                                          circuit_breaker::pass& pass,
                                          const std::stop_token& stop) {
  const auto end = std::chrono::steady_clock::now() + what.limit;
  const int version = version_;
  auto answer = send(what, path_prefix(version), end, pass, stop);
  if (!answer || !is_wrong_version(*answer))
    return answer;
  const auto other = negotiate(end, pass, stop);
  if (!other)
    return other.error();
  if (*other == version)
    return answer;
  return send(what, path_prefix(*other), end, pass, stop);
}

jobs::result<std::optional<docker_api::container_text>>
docker_api::read(std::string_view name_or_id, circuit_breaker::pass& pass,
                 milliseconds limit, const std::stop_token& stop) {
  using found = std::optional<container_text>;
  const call what{"GET", "/containers/" + escape(name_or_id) + "/json", limit,
                  settings_.max_answer_bytes};
  auto answer = run(what, pass, stop);
  if (!answer)
    return std::move(answer).error();
  if (is_missing(*answer))
    return found{};
  if (!is_success(*answer))
    return remote::fault_of(*answer, name_of(what));
  auto info = read_container(answer->body);
  if (!info)
    return not_docker(name_of(what));
  if (info->name != name_or_id && info->id != name_or_id)
    return found{}; // the beginning of somebody's id
  return found{{*std::move(info), std::move(answer->body)}};
}

jobs::result<std::optional<jobs::container_info>>
docker_api::inspect(std::string_view name_or_id, circuit_breaker::pass& pass,
                    milliseconds limit, const std::stop_token& stop) {
  auto text = read(name_or_id, pass, limit, stop);
  if (!text)
    return std::move(text).error();
  std::optional<jobs::container_info> info;
  if (*text)
    info = std::move((*text)->info);
  return info;
}

jobs::result<std::optional<docker_api::console_info>>
docker_api::console_of(std::string_view name_or_id, circuit_breaker::pass& pass,
                       milliseconds limit, const std::stop_token& stop) {
  auto text = read(name_or_id, pass, limit, stop);
  if (!text)
    return std::move(text).error();
  std::optional<console_info> console;
  if (*text)
    console = {(*text)->info.name, (*text)->info.id, read_tty((*text)->json)};
  return console;
}

std::string docker_api::prefix() const {
  return path_prefix(version_);
}

jobs::result<std::string> docker_api::stop_signal(std::string_view id,
                                                  circuit_breaker::pass& pass,
                                                  milliseconds limit,
                                                  const std::stop_token& stop) {
  const call what{"GET", "/containers/" + escape(id) + "/json", limit,
                  settings_.max_answer_bytes};
  auto answer = run(what, pass, stop);
  if (!answer)
    return std::move(answer).error();
  return read_stop_signal(is_success(*answer) ? answer->body : std::string{});
}

} // namespace alula::remote
