#include "remote/docker_factory.hpp"

#include "jobs/log.hpp"
#include "remote/docker_answers.hpp"
#include "remote/docker_bodies.hpp"
#include "remote/docker_link.hpp"
#include "remote/docker_pull.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::status;

namespace {

/// What cannot be made now cannot be made in a minute either: unlike with a
/// removal, a 500 is no reason to wait.
fault no_of(const http_answer& answer, const std::string& where) {
  auto why = fault_of(answer, where);
  if (why.code == fault_code::container_busy && !is_mount_busy(answer)
      && !is_removal_in_progress(answer))
    why.code = fault_code::docker_refused;
  return why;
}

fault not_an_image(std::string_view text) {
  return {fault_code::docker_refused, "\"" + std::string{text.substr(0, 200)}
                                          + "\" is not the name of an image"};
}

/// "0-7"; empty when the kernel does not say.
std::string online_cpus() {
  std::ifstream file{"/sys/devices/system/cpu/online"};
  std::string line;
  std::getline(file, line);
  return line;
}

} // namespace

docker_factory::docker_factory(std::shared_ptr<docker_link> link,
                               docker_factory_settings settings)
  : link_(std::move(link)), settings_(settings) {}

docker_factory::~docker_factory() = default;

// -- containers --------------------------------------------------------------

result<std::string> docker_factory::create(const jobs::container_spec& what) {
  if (!is_container_name(what.name))
    return not_a_name(what.name);
  if (!read_image_name(what.image))
    return not_an_image(what.image);
  const std::string where = "POST /containers/create";
  auto pass = link_->circuits.enter(what.name, {});
  if (!pass)
    return std::move(pass).error();
  auto answer =
      link_->api.run({.method = "POST",
                      .path = "/containers/create?name=" + escape(what.name),
                      .limit = settings_.create,
                      .max_body = link_->settings.max_answer_bytes,
                      .body = create_body(what)},
                     *pass, {});
  if (!answer)
    return std::move(answer).error();
  if (is_name_taken(*answer)) {
    auto there =
        link_->api.inspect(what.name, *pass, link_->settings.inspect, {});
    if (!there)
      return std::move(there).error();
    if (*there)
      return (*there)->id;
    // Freed late, or by now (user-pains C5, D7).
    return fault{fault_code::container_busy,
                 "the name " + what.name
                     + " is taken by a container that is "
                       "about to go",
                 where};
  }
  if (!is_success(*answer))
    return no_of(*answer, where);
  auto made = read_made(answer->body);
  if (!made)
    return link_->api.not_docker(where);
  tell_warnings(what.name, made->warnings);
  return std::move(made->id);
}

status docker_factory::update(std::string_view name_or_id,
                              const jobs::container_limits& limits) {
  if (!is_container_name(name_or_id))
    return not_a_name(name_or_id);
  auto pass = link_->circuits.enter(name_or_id, {});
  if (!pass)
    return std::move(pass).error();
  auto seen =
      link_->api.inspect(name_or_id, *pass, link_->settings.inspect, {});
  if (!seen)
    return std::move(seen).error();
  if (!*seen)
    return {};
  auto answer =
      link_->api.run({.method = "POST",
                      .path = "/containers/" + escape((*seen)->id) + "/update",
                      .limit = settings_.update,
                      .max_body = link_->settings.max_answer_bytes,
                      .body = update_body(limits, online_cpus())},
                     *pass, {});
  if (!answer)
    return std::move(answer).error();
  if (is_success(*answer))
    tell_warnings(name_or_id, read_warnings(answer->body));
  if (is_success(*answer) || is_missing(*answer))
    return {};
  return no_of(*answer,
               "POST /containers/" + std::string{name_or_id} + "/update");
}

/// Once for each container and text: every start makes a container, and every
/// sync changes it.
void docker_factory::tell_warnings(std::string_view container,
                                   const std::vector<std::string>& warnings) {
  constexpr std::size_t most = 1'000;
  for (const auto& warning : warnings) {
    {
      const std::scoped_lock lock{mutex_};
      if (warned_.size() >= most) // rather twice than never
        warned_.clear();
      if (!warned_.emplace(container, warning).second)
        continue;
    }
    jobs::log(jobs::log_level::warning, "container-warning",
              {{"container", container}, {"warning", warning}});
  }
}

// -- images ------------------------------------------------------------------

status docker_factory::pull(std::string_view image,
                            const std::optional<jobs::registry_login>& login,
                            const std::function<void(std::string_view)>& tell,
                            pull_for what, std::stop_token stop) {
  const auto name = read_image_name(image);
  if (!name)
    return not_an_image(image);
  const std::string where = "POST /images/create";
  auto pass = link_->circuits.enter({}, stop);
  if (!pass)
    return std::move(pass).error();
  pull_progress progress{tell};
  const bool is_needed = what == pull_for::a_missing_image;
  const auto silence =
      is_needed ? settings_.pull_silence
                : std::min(settings_.newer_silence, settings_.pull_silence);
  const auto limit =
      is_needed ? settings_.pull : std::min(settings_.newer, settings_.pull);
  const auto end = std::chrono::steady_clock::now() + limit;
  bool makes_sense = true, is_late = false;
  docker_api::call call{.method = "POST",
                        .path = "/images/create?fromImage="
                                + escape(name->repository)
                                + "&tag=" + escape(name->tag),
                        .limit = silence,
                        .max_body = link_->settings.max_answer_bytes,
                        .take =
                            [&](std::string_view bytes) {
                              makes_sense = progress.take(bytes);
                              is_late = std::chrono::steady_clock::now() > end;
                              return makes_sense && !is_late;
                            },
                        .silence = silence};
  if (login)
    call.headers.emplace_back("X-Registry-Auth", registry_auth(*login));
  auto answer = link_->api.run(call, *pass, stop);
  if (!makes_sense)
    return link_->api.not_docker(where);
  // Final: to begin again at once would hold the worker for as long once more.
  if (is_late)
    return fault{fault_code::docker_refused,
                 "the image " + std::string{image} + " was not had within "
                     + std::to_string(limit.count() / 1000) + " s"
                     + (limit == settings_.pull ? " (docker.deadlines.pull)"
                                                : ", while one is here"),
                 where};
  if (!answer)
    return std::move(answer).error();
  if (!is_success(*answer))
    return no_of(*answer, where);
  if (!progress.error().empty())
    return fault{fault_code::docker_refused,
                 "the image " + std::string{image}
                     + " could not be had: " + progress.error(),
                 where};
  return {};
}

result<bool> docker_factory::has_image(std::string_view image) {
  if (!read_image_name(image))
    return not_an_image(image);
  auto pass = link_->circuits.enter({}, {});
  if (!pass)
    return std::move(pass).error();
  auto answer = link_->api.run({.method = "GET",
                                .path = "/images/" + escape(image) + "/json",
                                .limit = link_->settings.inspect,
                                .max_body = link_->settings.max_answer_bytes},
                               *pass, {});
  if (!answer)
    return std::move(answer).error();
  if (is_image_missing(*answer))
    return false;
  if (!is_success(*answer))
    return no_of(*answer, "GET /images/" + std::string{image} + "/json");
  return true;
}

// -- the node ----------------------------------------------------------------

result<jobs::network_found>
docker_factory::ensure_network(const jobs::network_spec& what) {
  if (!is_container_name(what.name))
    return fault{fault_code::docker_refused,
                 "\"" + what.name.substr(0, 100)
                     + "\" is not the name of a network"};
  auto pass = link_->circuits.enter({}, {});
  if (!pass)
    return std::move(pass).error();
  const auto run = [&](docker_api::call call) {
    call.limit = settings_.network;
    call.max_body = link_->settings.max_answer_bytes;
    return link_->api.run(call, *pass, {});
  };
  const auto where = "GET /networks/" + what.name;
  // The second look is for one that was made in between.
  for (const bool last : {false, true}) {
    auto found =
        run({.method = "GET", .path = "/networks/" + escape(what.name)});
    if (!found)
      return std::move(found).error();
    // dockerd also finds what only begins like the id.
    if (is_success(*found))
      if (const auto it = read_network(found->body, what.name)) {
        compare(what, *it);
        return *it;
      }
    if (!is_success(*found) && !is_network_missing(*found))
      return no_of(*found, where);
    if (last)
      break;
    auto made = run({.method = "POST",
                     .path = "/networks/create",
                     .body = network_body(what)});
    if (!made)
      return std::move(made).error();
    if (is_success(*made))
      return jobs::network_found{true, what.driver, what.internal};
    if (!is_network_there(*made))
      return no_of(*made, "POST /networks/create");
  }
  return fault{fault_code::container_busy,
               "the name " + what.name
                   + " is taken by a network that is about to go",
               where};
}

/// Once for each difference: every start of a server comes by here.
void docker_factory::compare(const jobs::network_spec& wanted,
                             const jobs::network_found& found) {
  const bool alike =
      wanted.driver == found.driver && wanted.internal == found.internal;
  const auto word = [](bool internal) { return internal ? "true" : "false"; };
  if (alike)
    return;
  {
    constexpr std::size_t most = 100;
    const std::scoped_lock lock{mutex_};
    if (told_.size() >= most
        || !told_
                .insert(wanted.name + ' ' + found.driver + ' '
                        + word(found.internal))
                .second)
      return;
  }
  jobs::log(jobs::log_level::warning, "network-differs",
            {{"network", wanted.name},
             {"driver", found.driver},
             {"configured_driver", wanted.driver},
             {"internal", word(found.internal)},
             {"configured_internal", word(wanted.internal)}});
}

result<jobs::docker_facts> docker_factory::facts(std::stop_token stop) {
  auto pass = link_->circuits.enter({}, stop);
  if (!pass)
    return std::move(pass).error();
  std::string texts[2];
  for (const std::size_t i : {0U, 1U}) {
    const std::string path = i == 0 ? "/version" : "/info";
    auto answer = link_->api.run({.method = "GET",
                                  .path = path,
                                  .limit = settings_.facts,
                                  .max_body = link_->settings.max_answer_bytes},
                                 *pass, stop);
    if (!answer)
      return std::move(answer).error();
    if (!is_success(*answer))
      return no_of(*answer, "GET " + path);
    texts[i] = std::move(answer->body);
  }
  auto facts = read_facts(texts[0], texts[1]);
  if (!facts)
    return link_->api.not_docker("GET /version");
  return *std::move(facts);
}

} // namespace alula::remote
