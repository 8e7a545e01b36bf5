/// What the kinds that make servers, run them and stop them need beside the
/// other ports. Owned by app/node; outlives the engine.
#pragma once

#include "jobs/config_files.hpp"
#include "jobs/container_factory.hpp"
#include "jobs/container_streams.hpp"
#include "jobs/install_files.hpp"
#include "jobs/processes.hpp"
#include "jobs/server_container.hpp"

#include <chrono>

namespace alula::jobs {

struct life_settings {
  container_rules rules;
  bool check_permissions_on_boot = true;
  /// Zero: the disk is not looked at before a start.
  std::chrono::milliseconds disk_check_interval{150'000};
  /// Wings' own for a stop, with a kill behind it (wings-protocol 8.5).
  std::chrono::milliseconds stop_grace = std::chrono::minutes{10};
  std::chrono::milliseconds suspend_grace = std::chrono::minutes{1};
  std::chrono::milliseconds reinstall_grace = std::chrono::seconds{10};
  std::chrono::milliseconds install_deadline = std::chrono::hours{3};
  /// An installer that says nothing for so long is given up.
  std::chrono::milliseconds install_silence = std::chrono::minutes{30};
};

struct server_life {
  jobs::processes& processes;
  container_factory& factory;
  container_streams& streams;
  jobs::config_files& files;
  install_files& installs;
  const life_settings& settings;
};

} // namespace alula::jobs
