#include "jobs/kinds/install_log.hpp"

#include "jobs/kinds/living.hpp"
#include "jobs/log.hpp"
#include "jobs/ports.hpp"
#include "jobs/retry.hpp"

#include <cstddef>
#include <utility>

namespace alula::jobs {

using fields::json;

namespace {

constexpr std::size_t most_lines = 1'000; // what Docker is asked for

/// As far as Docker has it. A log driver that cannot be read gives none, now or
/// later: then that is what stands there.
result<std::string> said_to_docker(const step_context& ctx) {
  const auto lines =
      life_of(ctx).streams.log_tail(installer_name(ctx.job.server), most_lines);
  if (!lines && classify(lines.error().code) != error_class::permanent)
    return lines.error();
  if (!lines)
    return "(Docker does not have it: " + lines.error().what + ")\n";
  std::string text;
  if (lines->size() == most_lines)
    text = "(the last " + std::to_string(most_lines) + " lines)\n";
  for (const auto& line : *lines)
    text += line + '\n';
  return text;
}

} // namespace

json script_of(const step_context& ctx) {
  return json::parse(ctx.job.find_step("script")->output, nullptr, false);
}

status keep_log(const step_context& ctx, std::string_view how_it_ended,
                const std::optional<std::string>& heard) {
  const auto told = script_of(ctx);
  if (!told.is_object())
    return {};
  const auto output = heard ? result<std::string>{*heard} : said_to_docker(ctx);
  if (!output)
    return output.error();
  std::string text = "Pterodactyl Server Installation Log\n\n| Server: "
                     + ctx.job.server.to_string() + "\n| Container image: "
                     + told.value("image", std::string{}) + "\n| Entrypoint: "
                     + told.value("entrypoint", std::string{})
                     + "\n| Ended: " + std::string{how_it_ended} + "\n\n";
  if (const auto server = server_of(ctx)) {
    text += "| Environment variables:\n";
    for (const auto& [name, value] : server->config.environment)
      text += "  " + name + '=' + value + '\n';
  }
  text += "\n| Output:\n" + *output;
  return life_of(ctx).installs.put_log(ctx.job.server, text);
}

std::optional<fault> without_log(const step_context& ctx, std::string_view step,
                                 const fault& why) {
  // Docker is waited for, as in every step of an installation. A disk of logs
  // that is full is not: that would keep the server from being played on.
  if (why.code == fault_code::docker_unavailable)
    return why;
  const auto* at = ctx.job.find_step(step);
  if (at && at->attempt + 1 < ctx.job.max_attempts)
    return fault{.code = fault_code::io_error,
                 .what = "the log of the installation could not be kept: "
                         + why.what,
                 .where = why.where};
  log(log_level::warning, "install-log-lost",
      {{"server", ctx.job.server.view()}, {"why", why.what}});
  return std::nullopt;
}

} // namespace alula::jobs
