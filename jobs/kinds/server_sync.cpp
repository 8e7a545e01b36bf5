// Takes over what the Panel says of a server now (wings-protocol 2.9): limits
// change in place, everything else counts from the next start on; so do limits
// that Docker does not take now, and the job's result says so. A server that
// is suspended is wanted down from the same commit on, its clients are
// disconnected, and it is stopped. Unsuspending starts nothing.
//
// One that the node asks for by itself, because a suspended server runs, goes
// by what is known when the Panel does not answer.
//
// It has a lane of its own, so that it waits behind no start, install or
// backup.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/living.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/log.hpp"
#include "jobs/ports.hpp"

#include <chrono>
#include <utility>

namespace alula::jobs {

namespace {

result<job_draft> read(const submission& request) {
  if (!request.target)
    return no_such_server(request);
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto cause = fields::text(*body, "cause", 64);
  if (!cause)
    return cause.error();
  return job_draft{.input = fields::json{{"cause", *cause}}.dump()};
}

step_outcome fetch(step_context& ctx) {
  const auto cause =
      fields::json::parse(ctx.job.input).value("cause", std::string{});
  auto told = ask_panel(ctx, cause.empty() ? without_panel::fail
                                           : without_panel::as_it_was);
  if (!told)
    return std::move(told).error();
  // Also one that the Panel was not there to tell of.
  if (told->suspended)
    told->changes.emplace_back(want_power{.up = false});
  return step_done{.changes = std::move(told->changes)};
}

/// As long as Docker takes to be restarted. The lane of syncs, where a
/// suspension may be next, is held no longer; the next start has the limits
/// anyway.
constexpr std::chrono::minutes docker_patience{5};

/// Docker's final no, for instance to less memory than is in use, is no failure
/// of the sync; one that does not answer is asked again. Either way the job
/// says what is not in force.
step_outcome apply(step_context& ctx) {
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  const auto& life = life_of(ctx);
  life.processes.configure(server->record);
  if (server->record.suspended)
    return step_done{};
  auto changed = life.factory.update(
      ctx.job.server.view(), limits_of(server->config, life.settings.rules));
  if (changed)
    return step_done{};
  auto why = std::move(changed).error();
  const auto waited =
      std::chrono::milliseconds{ctx.now - begun_at(ctx, "apply")};
  if (why.code != fault_code::docker_refused && waited < docker_patience)
    return why;
  log(log_level::warning, "limits-not-changed",
      {{"server", ctx.job.server.view()}, {"why", why.what}});
  return step_done{.job_result = fields::as_text(fields::json{
                       {"limits", "at the next start"}, {"why", why.what}})};
}

step_outcome suspend(step_context& ctx) {
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  if (!server->record.suspended)
    return step_done{};
  turn_clients_away(ctx);
  if (auto stopped =
          stop_process(ctx, *server, life_of(ctx).settings.suspend_grace,
                       begun_at(ctx, "suspend"));
      !stopped)
    return std::move(stopped).error();
  return step_done{};
}

} // namespace

const kind server_sync{.name = "server.sync",
                       .lane = "sync",
                       .priority = 1,
                       .max_attempts = 3,
                       .answer_after = "apply",
                       .read = read,
                       .steps = {
                           compensatable("fetch", fetch, nullptr, "power"),
                           pivot("apply", apply, nullptr, "power"),
                           retriable("suspend", suspend, "power"),
                       }};

} // namespace alula::jobs
