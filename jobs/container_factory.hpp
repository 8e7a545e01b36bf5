/// What a container is made of, and the port that makes it (docs: Docker
/// Engine API v1.41; the numbers of a game server's container are
/// wings-protocol 8.3).
#pragma once

#include "jobs/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// Zero stands for "no limit" unless it says otherwise.
struct container_limits {
  std::int64_t memory = 0;             ///< bytes
  std::int64_t memory_reservation = 0; ///< bytes
  std::int64_t memory_swap = 0;        ///< bytes, memory included; -1: no limit
  std::int64_t cpu_quota = 0;          ///< µs per period
  std::int64_t cpu_period = 0;         ///< µs
  std::int64_t cpu_shares = 0;         ///< relative weight
  std::string cpus;                    ///< "0-3,6"; empty: all
  std::int64_t io_weight = 0;          ///< 10 to 1,000
  std::int64_t pids = 0;
  bool oom_killer_disabled = false;
};

struct container_mount {
  std::string source; ///< absolute, on the host
  std::string target; ///< absolute, in the container
  bool read_only = false;
};

/// Published with both tcp and udp.
struct published_port {
  std::string host_ip;
  std::uint16_t port = 0; ///< the same on both sides
};

/// The container gets a TTY and an open stdin, and no restart policy.
struct container_spec {
  std::string name;
  std::string hostname;
  std::string domainname;
  std::string image;                    ///< as Docker knows it
  std::string user;                     ///< "uid:gid"; empty: the image's
  std::vector<std::string> command;     ///< empty: the image's
  std::vector<std::string> environment; ///< "NAME=value"
  std::map<std::string, std::string> labels;
  container_limits limits;
  std::vector<container_mount> mounts;
  std::vector<published_port> ports;
  std::int64_t tmpfs_mib = 0; ///< of /tmp, where programs may lie; 0: none
  std::vector<std::string> dns;
  std::string log_driver = "local";
  std::map<std::string, std::string> log_options;
  std::string network_mode; ///< name of a network, or Docker's word
  std::string userns_mode;
  std::vector<std::string> dropped_capabilities;
  bool read_only_root = false;
  bool no_new_privileges = true;
};

struct network_spec {
  std::string name;
  std::string driver = "bridge";
  bool internal = false;
  bool ipv6 = false;
  std::string subnet, gateway;       ///< IPv4; empty: Docker's choice
  std::string subnet_v6, gateway_v6; ///< IPv6
  std::map<std::string, std::string> options;
};

/// A network as it is, whoever made it and with what.
struct network_found {
  bool made = false; ///< by this call
  std::string driver;
  bool internal = false;
};

struct registry_login {
  std::string username, password; ///< never logged
};

/// Text that dockerd does not give is empty.
struct docker_facts {
  std::string version, cgroup_driver, cgroup_version, storage_driver,
      filesystem, runc_version, operating_system, kernel_version;
  std::int64_t containers = 0, running = 0, paused = 0, stopped = 0;
  std::int64_t memory_bytes = 0; ///< of the node
};

/// Makes containers and what they need. Blocks up to its deadlines; worker
/// threads, several at once. Faults as jobs::containers.
class container_factory {
public:
  virtual ~container_factory() = default;

  /// The id of the new container. One that carries the name already is left as
  /// it is: its id, as if it had been made. Fault docker_refused with Docker's
  /// words: no such image, a mount it cannot make, a wrong limit. A port that
  /// is taken is seen by `start`.
  virtual result<std::string> create(const container_spec& what) = 0;

  /// What a pull is for, and so how long it may take.
  enum class pull_for {
    a_missing_image, ///< nothing goes on without it
    a_newer_image,   ///< one is here: whoever waits would rather have that soon
  };

  /// Gets an image; `tell` hears what dockerd says about it ("5f70bf18a086
  /// Downloading 12 MB/40 MB"), on the caller's thread, and is the sign of life
  /// that the stall limit of the step watches. An error in the middle of the
  /// stream is a fault too: docker_unavailable when nothing was said for
  /// minutes (for half a minute while one is here), docker_refused when all of
  /// it took longer than it may. Gives up
  /// early with `interrupted` when stopped. Faults also: docker_refused, with
  /// the registry's words; the image may be on the node all the same
  /// (`has_image`).
  virtual status pull(std::string_view image,
                      const std::optional<registry_login>& login,
                      const std::function<void(std::string_view)>& tell,
                      pull_for what, std::stop_token stop) = 0;

  /// Whether the image is on this node.
  virtual result<bool> has_image(std::string_view image) = 0;

  /// Makes the network unless one of the name is there, which is left as it is:
  /// what it is then counts, and the log says once where it differs.
  virtual result<network_found> ensure_network(const network_spec& what) = 0;

  /// Changes the limits of a container as it is, running or not; zero lifts a
  /// limit here too, but not io_weight, which stays as it was then, and
  /// oom_killer_disabled stays as it was made: Docker has no word for either.
  /// What the kernel cannot do is logged, as of `create`. A missing container
  /// is success. Fault docker_refused: less memory than is in use, no such CPU.
  virtual status update(std::string_view name_or_id,
                        const container_limits& limits) = 0;

  /// Gives up early with `interrupted` when stopped.
  virtual result<docker_facts> facts(std::stop_token stop) = 0;
};

} // namespace alula::jobs
