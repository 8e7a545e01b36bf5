/// A factory of containers at a dockerd that answers as it is told.
#pragma once

#include "remote/docker_factory.hpp"
#include "remote/docker_link.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::remote::factory_place {

using namespace std::chrono_literals;
using dockerd = scripted_dockerd;
using pull_for = jobs::container_factory::pull_for;

/// Circuits stay out of the way; no test waits for one of these limits.
struct place {
  dockerd peer;
  docker_settings settings;
  docker_factory_settings limits;
  std::vector<std::string> told;
  std::unique_ptr<docker_factory> factory;

  place() {
    settings.socket = peer.socket();
    settings.circuit.first_pause = 0ms;
    settings.circuit.longest_pause = 0ms;
    limits.create = limits.update = limits.network = limits.facts = 60s;
    limits.pull_silence = limits.pull = 60s;
  }
  docker_factory& open() {
    factory = std::make_unique<docker_factory>(
        std::make_shared<docker_link>(settings), limits);
    return *factory;
  }
  jobs::status pull(const std::optional<jobs::registry_login>& login = {},
                    std::stop_token stop = {},
                    pull_for what = pull_for::a_missing_image) {
    return open().pull(
        "host:5000/a/b:c", login,
        [this](std::string_view line) { told.emplace_back(line); }, what, stop);
  }
  jobs::status pull_newer() { return pull({}, {}, pull_for::a_newer_image); }
};

} // namespace alula::remote::factory_place
