/// Jobs that take in the body of a request, which is answered with what becomes
/// of them.
#pragma once

#include "http/exchange.hpp"
#include "jobs/body_pipe.hpp"
#include "jobs/engine.hpp"

#include <functional>
#include <memory>

namespace alula::http {

/// Lets the body of `call` go into the pipe that the accepted job reads, and
/// tells the job when it is answered, done or parked, however long that takes:
/// the door's own clocks watch the client. Never blocks. `done` is called once,
/// from any thread; with a fault of engine::await when there is no such job.
void give_body(
    jobs::engine& engine, const exchange_ptr& call,
    const std::shared_ptr<jobs::body_pipe>& pipe, const jobs::job_id& job,
    std::function<void(const jobs::result<jobs::job_view_ptr>&)> done);

} // namespace alula::http
