// Gives up the transfer of a server that another node has taken, and that the
// Panel has not deleted here (user-pains A3): the server can be used again.
//
// The Panel is told that the transfer has failed, in the commit that unlocks
// the server: a transfer that is still open there ends, and the allocations
// kept for it are free. A Panel that has moved the server already answers 409
// and nothing changes there; then this copy is one too many, and its node finds
// no such server in the Panel's list.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/reports.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"

namespace alula::jobs {

namespace {

result<job_draft> read(const submission& request) {
  if (!request.target)
    return no_such_server(request);
  // One that comes from another node is made here first, by a job of its own.
  if (!request.target->transferring
      || request.target->state != server_state::active)
    return not_in_transfer(request.server);
  return job_draft{.dedup_key =
                       "server.release:" + std::to_string(request.target->row)};
}

/// What was in front of it may have ended the transfer.
step_outcome release(step_context& ctx) {
  const auto found = ctx.node.records.find_server(ctx.job.server);
  if (!found)
    return found.error();
  if (!*found || !(*found)->transferring)
    return not_in_transfer(ctx.job.server);
  return step_done{
      .changes = {set_transferring{.transferring = false},
                  reports::transfer_has_ended(ctx.job.server, false)}};
}

step_outcome announce(step_context& ctx) {
  ctx.node.audience.announce(ctx.job.server, "transfer status", {"failure"});
  return step_done{};
}

} // namespace

const kind release_server{.name = "server.release",
                          .read = read,
                          .steps = {
                              pivot("release", release),
                              retriable("announce", announce),
                          }};

} // namespace alula::jobs
