/// The first and the last thing of every job that changes a server's files
/// below it: the server does not run meanwhile. For the sources of kinds only.
#pragma once

#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/living.hpp"
#include "jobs/ports.hpp"

#include <chrono>
#include <string>

namespace alula::jobs {

/// As process_configuration.stop says (wings-protocol 3.4, 8.5): a named
/// signal, "^C" for SIGINT; everything else is the image's own stop signal.
inline std::string stop_signal(const server_record& server) {
  using fields::json;
  const auto stop =
      fields::at(server.config, {"process_configuration", "stop"});
  if (!stop.is_object())
    return {};
  const auto type = stop.value("type", json());
  const auto value = stop.value("value", json());
  if (!value.is_string())
    return {};
  auto word = value.get<std::string>();
  if (word == "^C" || (type == "signal" && word == "C"))
    return "SIGINT";
  if (type == "signal" && word.starts_with("SIG"))
    return word;
  return {};
}

/// Kept as "ran" in the output of a step before the stop, so that a crash in
/// the stop does not forget it.
inline result<bool> is_running(const step_context& ctx) {
  const auto found = ctx.node.containers.inspect(ctx.job.server.view());
  if (!found)
    return found.error();
  return *found && (*found)->running;
}

inline bool ran_before(const step_context& ctx) {
  for (const auto& step : ctx.job.steps) {
    const auto output = fields::json::parse(step.output, nullptr, false);
    if (output.is_object() && output.contains("ran"))
      return output.value("ran", false);
  }
  return false;
}

/// The grace is Wings' own for a restore, with the kill it lacks
/// (wings-protocol 8.5).
inline step_outcome stop_server(step_context& ctx) {
  constexpr std::chrono::minutes grace{2};
  if (ctx.node.life) {
    const auto server = server_of(ctx);
    if (!server)
      return server.error();
    if (auto stopped = stop_process(ctx, *server, grace, begun_at(ctx, "stop"));
        !stopped)
      return std::move(stopped).error();
    return step_done{.changes = {want_power{.up = false}}};
  }
  const auto input = fields::json::parse(ctx.job.input);
  if (auto stopped = ctx.node.containers.stop(
          ctx.job.server.view(), input.value("stop_signal", std::string{}),
          grace, ctx.stop);
      !stopped)
    return std::move(stopped).error();
  if (ran_before(ctx))
    ctx.node.audience.announce(ctx.job.server, "status", {"offline"});
  return step_done{};
}

/// The undo: it runs again if it ran.
inline step_outcome start_server_again(step_context& ctx) {
  if (!ran_before(ctx))
    return step_done{};
  if (ctx.node.life)
    return start_process_again(ctx);
  auto started = ctx.node.containers.start(ctx.job.server.view());
  // A container that is gone cannot be started; the next start makes one.
  if (!started && started.error().code != fault_code::docker_refused)
    return std::move(started).error();
  if (started)
    ctx.node.audience.announce(ctx.job.server, "status", {"running"});
  return step_done{};
}

} // namespace alula::jobs
