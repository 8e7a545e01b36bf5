#include "http/body_jobs.hpp"

#include <chrono>
#include <utility>

namespace alula::http {

namespace {

using told_outcome =
    std::function<void(const jobs::result<jobs::job_view_ptr>&)>;

bool is_still_at_it(const jobs::job_record& job) {
  return !job.is_answered() && !job.is_done()
         && job.state != jobs::job_state::parked;
}

void await_outcome(jobs::engine& engine, const jobs::job_id& job,
                   told_outcome done) {
  constexpr std::chrono::seconds a_while{50};
  engine.await(job, jobs::await_for::answered, {}, a_while,
               [&engine, job, done = std::move(done)](
                   const jobs::result<jobs::job_view_ptr>& newest) {
                 if (newest && is_still_at_it((*newest)->record()))
                   return await_outcome(engine, job, done);
                 done(newest);
               });
}

} // namespace

void submit_with_body(jobs::engine& engine, const exchange_ptr& call,
                      const std::shared_ptr<jobs::body_pipe>& pipe,
                      jobs::submission what, body_told told) {
  engine.submit(std::move(what), [&engine, call, pipe, told = std::move(told)](
                                     const jobs::result<jobs::ticket>& taken) {
    if (!taken)
      return told.refused(taken.error());
    const auto job = taken->job->record().id;
    if (!call->take_body(pipe)) {
      // It came with the head.
      (void)pipe->push(call->req().body);
      pipe->finish();
    }
    await_outcome(engine, job,
                  [job, ended = told.ended](
                      const jobs::result<jobs::job_view_ptr>& newest) {
                    ended(job, newest);
                  });
  });
}

} // namespace alula::http
