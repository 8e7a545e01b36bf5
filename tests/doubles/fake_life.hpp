/// Everything that the kinds need which make, run and stop servers, as fakes.
#pragma once

#include "jobs/server_life.hpp"
#include "tests/doubles/fake_container_factory.hpp"
#include "tests/doubles/fake_container_streams.hpp"
#include "tests/doubles/fake_containers.hpp"
#include "tests/doubles/fake_install_files.hpp"
#include "tests/doubles/fake_processes.hpp"

#include <string>
#include <vector>

namespace alula::jobs {

/// Rewrites nothing, and remembers what it was asked for.
class noting_config_files final : public config_files {
public:
  std::vector<config_file> asked;
  std::vector<config_outcome> outcomes;

  result<std::vector<config_outcome>>
  rewrite(const server_id&, const std::vector<config_file>& files,
          std::stop_token) override {
    asked = files;
    return outcomes;
  }
};

struct fake_life {
  explicit fake_life(fake_containers& docker) : factory(&docker) {
    settings.rules.data_directory = "/srv/volumes";
    settings.rules.network = {.name = "pterodactyl_nw"};
  }

  fake_processes processes;
  fake_container_factory factory;
  fake_container_streams streams;
  noting_config_files files;
  fake_install_files installs;
  life_settings settings;
  server_life ports{processes, factory, streams, files, installs, settings};
};

} // namespace alula::jobs
