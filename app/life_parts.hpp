/// The parts of a node that run servers, made in order of dependence.
#pragma once

#include "actors/process_board.hpp"
#include "app/config.hpp"
#include "jobs/server_life.hpp"
#include "remote/docker.hpp"
#include "remote/docker_factory.hpp"
#include "remote/docker_streams.hpp"
#include "storage/config_files/local_config_files.hpp"
#include "storage/install_directory.hpp"

namespace alula::app {

struct life_parts {
  life_parts(const config& c, remote::docker& docker, jobs::volumes& volumes,
             jobs::audience& audience, const jobs::clock& clock);

  const jobs::life_settings settings;
  remote::docker_factory factory;
  remote::docker_streams streams;
  storage::local_config_files files;
  storage::install_directory installs;
  actors::process_board board;
  const jobs::server_life ports;
};

} // namespace alula::app
