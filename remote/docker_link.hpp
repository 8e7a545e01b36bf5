/// What the three Docker ports share: one set of connections to dockerd, and
/// one memory of who does not answer.
#pragma once

#include "jobs/result.hpp"
#include "remote/circuit_breaker.hpp"
#include "remote/docker.hpp"
#include "remote/docker_api.hpp"
#include "remote/docker_waits.hpp"

#include <string_view>
#include <utility>

namespace alula::remote {

/// Safe from any thread.
struct docker_link {
  explicit docker_link(docker_settings given)
    : settings(std::move(given)), api(settings), circuits(settings.circuit),
      waits(settings, api) {}

  const docker_settings settings;
  docker_api api;
  circuit_breaker circuits;
  docker_waits waits;
};

/// Docker's own grammar of names, which includes ids and uuids. Keeps a name
/// from becoming another path: DELETE /containers/ + "" is not a container.
bool is_container_name(std::string_view text);
jobs::fault not_a_name(std::string_view text);

} // namespace alula::remote
