/// What the parts that run servers are told, from a config and this machine.
#pragma once

#include "actors/process_board.hpp"
#include "actors/server_keeper.hpp"
#include "app/config.hpp"
#include "jobs/server_life.hpp"
#include "remote/docker.hpp"
#include "remote/docker_factory.hpp"

#include <filesystem>
#include <string>

namespace alula::app {

/// Of the dockerd at `socket` (docker_socket in places.hpp).
remote::docker_settings docker_settings_of(const config& settings,
                                           std::string socket);

remote::docker_factory_settings factory_settings_of(const config& settings);

jobs::life_settings life_settings_of(const config& settings);

actors::process_settings process_settings_of(const config& settings);

actors::keeper_settings keeper_settings_of(const config& settings);

/// The zone that a link into zoneinfo names, as /etc/localtime is one
/// (localtime(5)); empty: it is none.
std::string zone_of_link(const std::filesystem::path& link);

} // namespace alula::app
