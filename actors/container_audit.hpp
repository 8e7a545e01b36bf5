/// Looks for containers whose servers are gone.
#pragma once

#include "jobs/engine.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace alula::actors {

struct audited_containers {
  std::vector<std::string> removed; ///< ids
  std::vector<std::string> left;    ///< ids; may be anybody's
};

/// Removes containers of servers that this node has deleted (dockerd was put
/// back to an earlier state, or said gone too early). Those of servers it never
/// had, or has lost, are logged and left alone, and so is a running one that is
/// only named like a deleted server. Blocks; not for the I/O thread. Faults as
/// jobs::containers and jobs::queries.
jobs::result<audited_containers> audit_containers(jobs::containers& containers,
                                                  const jobs::engine& engine,
                                                  jobs::queries& queries,
                                                  std::stop_token stop);

} // namespace alula::actors
