// Stops a server and runs its install script again: see installing.cpp. One
// that fails leaves the server as usable as before: its files are what the
// script has left of them, and nothing keeps it from being started. One that
// ends before a script could touch a file leaves it wanted up, if it was, and
// the keeper of servers starts it again.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/installing.hpp"
#include "jobs/kinds/living.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/kinds/stop_for_restore.hpp"

namespace alula::jobs {

namespace {

result<job_draft> read(const submission& request) {
  return read_install(request, true);
}

/// An earlier try may have stopped what ran. One that did not get through, or
/// was broken off, has left a time for the next.
bool is_first_try(const job_record& job) {
  const auto* stop = job.find_step("stop");
  return job.crashes == 0 && stop && !stop->error
         && job.run_at <= stop->started_at;
}

/// It is wanted down when there is an installer, and no earlier: whoever
/// cancels it until then, or has no image of an installer, gets the server as
/// it was. Whether there was something to stop is kept as "ran" in the output:
/// the keeper of servers starts again only what this has stopped.
step_outcome stop(step_context& ctx) {
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  const auto runs = is_running(ctx);
  if (!runs)
    return runs.error();
  const bool ran = *runs || !is_first_try(ctx.job);
  if (auto stopped =
          stop_process(ctx, *server, life_of(ctx).settings.reinstall_grace,
                       begun_at(ctx, "stop"));
      !stopped)
    return std::move(stopped).error();
  return step_done{.output = fields::as_text(fields::json{{"ran", ran}})};
}

std::vector<step> steps() {
  auto all = install_steps();
  all.insert(all.begin(), compensatable("stop", stop, nullptr, "power"));
  return all;
}

} // namespace

const kind server_reinstall{.name = "server.reinstall",
                            .max_attempts = 5,
                            .read = read,
                            .steps = steps(),
                            .when_over = install_is_over};

} // namespace alula::jobs
