/// What a server's container and its installer's are made of: pure functions of
/// the server's settings and the node's (wings-protocol 8.3, 8.8).
#pragma once

#include "jobs/container_factory.hpp"
#include "jobs/ids.hpp"
#include "jobs/server_config.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::jobs {

/// What a program needs beside the memory it is given (wings-protocol 8.3).
struct overhead_rule {
  bool override = false; ///< else Wings' own factors count
  double standard = 1.05;
  std::map<std::int64_t, double> multipliers; ///< MB up to → factor
};

/// Bytes that a server of that many MB may really use; 0 is no limit.
std::int64_t memory_limit_of(std::int64_t megabytes, const overhead_rule& rule);

/// What the node says about all its containers (wings-protocol 6.3, 6.4).
struct container_rules {
  std::string data_directory; ///< of the volumes
  std::string timezone = "UTC";
  std::string user; ///< "uid:gid" the servers run as
  std::vector<std::string> allowed_mounts;
  std::string interface = "172.18.0.1"; ///< instead of 127.0.0.1
  bool ispn = false; ///< the network brings its own addresses
  std::vector<std::string> dns{"1.1.1.1", "1.0.0.1"};
  network_spec network; ///< name empty: none of ours
  std::string network_mode = "pterodactyl_nw";
  std::string domainname; ///< of the servers, not of their installers
  std::vector<std::pair<std::string, registry_login>> registries;
  std::int64_t tmpfs_mib = 100;
  std::int64_t pids = 512;
  std::int64_t installer_memory = 1'024; ///< MB
  std::int64_t installer_cpu = 100;      ///< percent; 0: unlimited
  overhead_rule overhead;
  std::string userns_mode;
  std::string log_driver = "local";
  std::map<std::string, std::string> log_options;
};

/// The rules on a network of that driver: it decides what stands for 127.0.0.1
/// (wings-protocol 8.3, the main network).
container_rules on_network(container_rules rules, std::string_view driver);

/// The image's name as Docker knows it, and whether it may be pulled.
struct image_name {
  std::string name;
  bool may_pull = true;
};
image_name image_of(std::string_view configured);

/// The credentials whose registry is the longest prefix of the image's name, by
/// whole components: those of ghcr.io are nobody's at ghcr.io.example or on
/// another port of it. One with a path may be a whole name, before its tag.
std::optional<registry_login> login_for(std::string_view image,
                                        const container_rules& rules);

container_limits limits_of(const server_config& config,
                           const container_rules& rules);

/// Made on demand for servers that must go out by their own address; nothing
/// for all others.
std::optional<network_spec> own_network(const server_config& config);

struct container_plan {
  container_spec spec;
  /// Sources outside of what the node allows: left out.
  std::vector<std::string> refused_mounts;
};

container_plan server_container(const server_id& server,
                                const server_config& config,
                                const container_rules& rules);

std::string installer_name(const server_id& server);

/// `directory` holds install.sh and is seen as /mnt/install.
container_spec
installer_container(const server_id& server, const server_config& config,
                    const container_rules& rules, std::string_view image,
                    std::string_view entrypoint, std::string_view directory);

} // namespace alula::jobs
