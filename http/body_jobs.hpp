/// Jobs that take in the body of a request, which is answered with what becomes
/// of them.
#pragma once

#include "http/exchange.hpp"
#include "jobs/body_pipe.hpp"
#include "jobs/engine.hpp"

#include <functional>
#include <memory>

namespace alula::http {

/// How a job that takes in a body is told of, once, from any thread.
struct body_told {
  /// There is no job, and no byte of the body was read.
  std::function<void(const jobs::fault&)> refused;
  /// It is answered, done or parked; a fault of engine::await when it is not
  /// there any more.
  std::function<void(const jobs::job_id&,
                     const jobs::result<jobs::job_view_ptr>&)>
      ended;
};

/// Submits a job and lets the body of `call` go into the pipe that it reads,
/// from the accept on. Waits for it however long that takes: the door's own
/// clocks watch the client. Never blocks.
void submit_with_body(jobs::engine& engine, const exchange_ptr& call,
                      const std::shared_ptr<jobs::body_pipe>& pipe,
                      jobs::submission what, body_told told);

} // namespace alula::http
