// Stops a server and runs its install script again: see installing.cpp. One
// that fails leaves the server as usable as before: its files are what the
// script has left of them, and nothing keeps it from being started.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/installing.hpp"
#include "jobs/kinds/living.hpp"
#include "jobs/kinds/steps.hpp"

namespace alula::jobs {

namespace {

result<job_draft> read(const submission& request) {
  return read_install(request, true);
}

/// Not from the accept on: whoever cancels it while it waits in line gets the
/// server as it was.
step_outcome stop(step_context& ctx) {
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  if (auto stopped =
          stop_process(ctx, *server, life_of(ctx).settings.reinstall_grace,
                       begun_at(ctx, "stop"));
      !stopped)
    return std::move(stopped).error();
  return step_done{
      .changes = {want_power{.up = false, .unless_start_waits = true}}};
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
