/// What no server is asked to do while it is on its way to another node, or
/// has been taken there and waits for the Panel to delete it here (trap 101).
/// For the sources of kinds only.
#pragma once

#include "jobs/engine.hpp"
#include "jobs/result.hpp"

namespace alula::jobs {

/// For requests that would start the server or change its files. Fault
/// server_locked, without the job that is in the way: http/submit.cpp names it.
inline status refuse_in_transfer(const submission& request) {
  if (!request.target || !request.target->transferring)
    return {};
  return fault{.code = fault_code::server_locked,
               .what = "server " + request.server.to_string()
                       + " is in transfer between two nodes"};
}

} // namespace alula::jobs
