#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/defaults.hpp"
#include "app/log_sink.hpp"
#include "app/node.hpp"
#include "app/notify.hpp"
#include "app/signals.hpp"
#include "jobs/log.hpp"

#include <cstdio>
#include <optional>
#include <string>
#include <system_error>
#include <unistd.h>

namespace alula::app {

namespace {

constexpr int unusable_config = 78; // sysexits.h: EX_CONFIG

void complain(const jobs::fault& why) {
  std::fprintf(stderr, "alula: %s%s%s%s\n", why.what.c_str(),
               why.where.empty() ? "" : " (", why.where.c_str(),
               why.where.empty() ? "" : ")");
}

std::optional<config> read_file(const std::filesystem::path& file) {
  auto report = load_config(file);
  for (const auto& problem : report.problems)
    std::fprintf(stderr, "%s\n", describe(file, problem).c_str());
  if (!report.is_usable())
    return std::nullopt;
  return std::move(report.value);
}

/// Without a file; tells a token that was made just now.
std::optional<config> use_defaults(const std::filesystem::path& asked) {
  const auto data = asked.empty() ? default_data_directory() : asked;
  if (data.empty()) {
    std::fprintf(stderr, "alula: neither XDG_STATE_HOME nor HOME is set; say "
                         "where the data goes with --data DIR\n");
    return std::nullopt;
  }
  auto start = embedded_defaults(data);
  if (!start) {
    complain(start.error());
    return std::nullopt;
  }
  std::printf("no --config: all data is below %s\n",
              start->value.system.root_directory.c_str());
  if (start->token_is_new)
    std::printf("the token of this node, shown this once: %s\n",
                start->value.token.c_str());
  std::printf("the token is kept in %s\n", start->token_file.c_str());
  return std::move(start->value);
}

std::optional<config> settings_of(const options& asked) {
  auto settings =
      asked.config.empty() ? use_defaults(asked.data) : read_file(asked.config);
  if (settings && asked.port)
    settings->api.port = *asked.port;
  if (settings && asked.debug)
    settings->debug = true;
  return settings;
}

void tell_where(const config& settings, const node& running) {
  const bool v6 = settings.api.host.find(':') != std::string::npos;
  std::printf("listening on %s://%s%s%s:%d\n",
              settings.api.ssl.enabled ? "https" : "http", v6 ? "[" : "",
              settings.api.host.c_str(), v6 ? "]" : "", running.port());
  std::fflush(stdout);
}

void reload(const options& asked, node& running) {
  if (asked.config.empty()) {
    jobs::log(jobs::log_level::info, "nothing-to-reload");
    return;
  }
  const auto fresh = settings_of(asked);
  if (!fresh) {
    jobs::log(jobs::log_level::warning, "reload-refused",
              {{"config", asked.config.string()}});
    return;
  }
  if (auto taken = running.reload(*fresh); !taken)
    jobs::log(jobs::log_level::error, "reload-failed",
              {{"why", taken.error().what}, {"where", taken.error().where}});
  else
    jobs::log(jobs::log_level::info, "reloaded",
              {{"config", asked.config.string()}});
}

} // namespace

int serve(const options& asked) {
  hold_signals();
  const auto settings = settings_of(asked);
  if (!settings)
    return unusable_config;
  log_to_stderr(settings->debug);
  const auto descriptors = raise_descriptor_limit();
  jobs::log(jobs::log_level::info, "starting",
            {{"version", ALULA_VERSION}, {"descriptors", descriptors}});

  node running;
  if (auto started = running.start(*settings); !started) {
    complain(started.error());
    return 1;
  }
  tell_where(*settings, running);
  notify_supervisor("READY=1");

  while (wait_for_signal() == asked::reload) {
    notify_supervisor("RELOADING=1");
    reload(asked, running);
    notify_supervisor("READY=1");
  }
  leave_on_next_signal();
  notify_supervisor("STOPPING=1");
  jobs::log(jobs::log_level::info, "stopping");
  const bool all_came_back = running.stop();
  jobs::log(jobs::log_level::info, "stopped");
  if (!all_came_back)
    _exit(0);
  return 0;
}

} // namespace alula::app
