/// What machine and what Docker this node is, for the Panel's page about it.
#pragma once

#include "jobs/container_factory.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace alula::jobs {

/// Known without asking anybody.
struct machine_facts {
  std::string version;        ///< of alula
  std::string architecture;   ///< Go's word: amd64, arm64
  std::string kernel_version; ///< as `uname -r`
  std::string os;             ///< "Debian GNU/Linux 12 (bookworm)"
  std::int64_t cpu_threads = 0;
  std::int64_t memory_bytes = 0;
};

class node_facts {
public:
  virtual ~node_facts() = default;

  /// Does not block.
  virtual const machine_facts& machine() const = 0;

  /// Does not block; `done` is called once, on another thread, with a deadline.
  /// Who asks while an answer is on its way gets the same one. Faults:
  /// docker_unavailable, rate_limited when too many wait.
  virtual void docker(std::function<void(result<docker_facts>)> done) = 0;
};

} // namespace alula::jobs
