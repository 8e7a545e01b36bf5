/// A machine and a Docker that are what a test says.
#pragma once

#include "jobs/node_facts.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace alula::doubles {

/// One thread.
class fake_node_facts final : public jobs::node_facts {
public:
  jobs::machine_facts facts{.version = "1.2.3",
                            .architecture = "amd64",
                            .kernel_version = "6.1.0-21-amd64",
                            .os = "Some Linux",
                            .cpu_threads = 8,
                            .memory_bytes = 1'000};
  jobs::result<jobs::docker_facts> answer{
      jobs::docker_facts{.version = "25.0.4",
                         .cgroup_driver = "systemd",
                         .cgroup_version = "2",
                         .storage_driver = "overlay2",
                         .filesystem = "extfs",
                         .runc_version = "v1.1.12-0-g51d5e94",
                         .operating_system = "Debian GNU/Linux 12 (bookworm)",
                         .kernel_version = "6.1.0-21-amd64",
                         .containers = 12,
                         .running = 7,
                         .paused = 0,
                         .stopped = 5,
                         .memory_bytes = 33'501'757'440}};
  int asked = 0;

  const jobs::machine_facts& machine() const override { return facts; }
  void
  docker(std::function<void(jobs::result<jobs::docker_facts>)> done) override {
    ++asked;
    done(answer);
  }
};

} // namespace alula::doubles
