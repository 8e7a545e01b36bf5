#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/config_file.hpp"
#include "app/defaults.hpp"
#include "app/heartbeat.hpp"
#include "app/log_sink.hpp"
#include "app/node.hpp"
#include "app/notify.hpp"
#include "app/signals.hpp"
#include "app/stop_deadline.hpp"
#include "app/stop_watchdog.hpp"
#include "jobs/log.hpp"

#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <poll.h>
#include <string>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace alula::app {

namespace {

constexpr int unusable_config = 78; // sysexits.h: EX_CONFIG

void complain(const jobs::fault& why) {
  std::fprintf(stderr, "alula: %s%s%s%s\n", why.what.c_str(),
               why.where.empty() ? "" : " (", why.where.c_str(),
               why.where.empty() ? "" : ")");
}

/// A token that was made just now is told to who sits there: a service's output
/// is a log, and a log holds no secret.
void tell_of_token(const std::string& token, bool is_new,
                   const std::filesystem::path& file) {
  if (is_new && ::isatty(STDOUT_FILENO) != 0)
    std::printf("the token of this node, shown this once: %s\n", token.c_str());
  std::printf("the token is kept in %s\n", file.c_str());
}

/// Who reads the file of a token that nobody has kept yet: a start makes one, a
/// node that runs would lock all its clients out with it.
enum class reader { start, reload };

std::optional<std::string> token_for(const std::filesystem::path& file,
                                     reader who) {
  std::error_code error;
  if (who == reader::reload && !std::filesystem::exists(file, error)) {
    std::fprintf(stderr,
                 "alula: the token file %s is not there; the next start makes "
                 "a new one\n",
                 file.c_str());
    return std::nullopt;
  }
  auto kept = token_in(file);
  if (!kept) {
    complain(kept.error());
    return std::nullopt;
  }
  if (who == reader::start)
    tell_of_token(kept->token, kept->is_new, file);
  return std::move(kept->token);
}

std::optional<config> read_file(const std::filesystem::path& file, reader who) {
  auto report = load_config(file);
  for (const auto& problem : report.problems)
    std::fprintf(stderr, "%s\n", describe(file, problem).c_str());
  if (!report.is_usable())
    return std::nullopt;
  auto& settings = report.value;
  if (settings.token.empty()) {
    auto token = token_for(settings.token_file, who);
    if (!token)
      return std::nullopt;
    settings.token = *std::move(token);
  }
  return std::move(settings);
}

/// Without a file.
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
  tell_of_token(start->value.token, start->token_is_new, start->token_file);
  return std::move(start->value);
}

std::optional<config> settings_of(const options& asked, reader who) {
  auto settings = asked.config.empty() ? use_defaults(asked.data)
                                       : read_file(asked.config, who);
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

/// By a signal, or because the Panel has changed the file.
void reload(const options& asked, node& running) {
  static std::mutex one_at_a_time;
  const std::scoped_lock lock{one_at_a_time};
  if (asked.config.empty()) {
    jobs::log(jobs::log_level::info, "nothing-to-reload");
    return;
  }
  const auto fresh = settings_of(asked, reader::reload);
  if (!fresh) {
    jobs::log(jobs::log_level::warning, "reload-refused",
              {{"config", asked.config.string()}});
    return;
  }
  log_debug_lines(fresh->debug);
  if (auto taken = running.reload(*fresh); !taken)
    jobs::log(jobs::log_level::error, "reload-failed",
              {{"why", taken.error().what}, {"where", taken.error().where}});
  else
    jobs::log(jobs::log_level::info, "reloaded",
              {{"config", asked.config.string()}});
}

/// What `POST /api/update` does (wings-protocol 2.20).
jobs::result<bool> update(const options& asked, node& running,
                          const std::string& body) {
  static std::mutex one_at_a_time;
  const std::scoped_lock lock{one_at_a_time};
  if (asked.config.empty())
    return false; // there is no file to keep it in
  // Of a file that cannot be read nothing would be left.
  const auto before = read_config(asked.config);
  if (!before)
    return before.error();
  if (parse_config(*before).value.ignore_panel_config_updates)
    return false;
  const auto after = merge_update(*before, body);
  if (!after)
    return after.error();
  if (auto written = write_config(asked.config, *after); !written)
    return std::move(written).error();
  jobs::log(jobs::log_level::info, "config-updated",
            {{"config", asked.config.string()}});
  reload(asked, running);
  return true;
}

/// A start on a thread of its own, so that signals are heard meanwhile.
class starting {
public:
  starting(node& what, const config& settings, const options& given)
    : thread_{[this, &what, &settings, &given] {
        outcome_.set_value(begin(what, settings, given));
        wake_waiter();
      }} {}
  ~starting() { thread_.join(); }
  starting(const starting&) = delete;
  starting& operator=(const starting&) = delete;

  bool is_over(stop_deadline::clock::time_point by) {
    return over_.wait_until(by) == std::future_status::ready;
  }
  jobs::status outcome() { return over_.get(); }

private:
  /// What a library throws when the system has no threads or descriptors left
  /// must not end the process without a word.
  static jobs::status begin(node& what, const config& settings,
                            const options& given) {
    try {
      return what.start(settings, [&what, &given](const std::string& body) {
        return update(given, what, body);
      });
    } catch (const std::exception& e) {
      return jobs::fault{.what = std::string{"the node cannot be made: "}
                                 + e.what()};
    }
  }

  std::promise<jobs::status> outcome_;
  std::future<jobs::status> over_{outcome_.get_future()};
  std::thread thread_;
};

/// A stop under way: its grace, and who ends it when that did not.
struct ending {
  stop_deadline until;
  std::unique_ptr<stop_watchdog> watchdog;
};

/// As safe as a crash, and the ledger knows that it is none. Nothing here may
/// wait: a log that nobody reads may be what hangs.
[[noreturn]] void give_up_stop() {
  pollfd log{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (poll(&log, 1, 0) == 1 && (log.revents & POLLOUT) != 0)
    jobs::log(jobs::log_level::warning, "stop-given-up");
  _exit(0);
}

ending begin_stop(const config& settings) {
  leave_on_next_signal();
  notify_supervisor("STOPPING=1");
  jobs::log(jobs::log_level::info, "stopping");
  const stop_deadline until{settings.jobs.stop_grace,
                            stop_deadline::clock::now()};
  constexpr std::chrono::seconds more{5};
  return {until,
          std::make_unique<stop_watchdog>(until.end() + more, give_up_stop)};
}

int finish_stop(node& running, const ending& stop) {
  const bool all_came_back = running.stop(stop.until);
  jobs::log(jobs::log_level::info, "stopped");
  if (!all_came_back)
    _exit(0);
  return 0;
}

/// A start that is asked to stop before it is over gets the grace too; what it
/// leaves undone then is as safe as after a crash.
ending stop_start(starting& begun, const config& settings) {
  auto stop = begin_stop(settings);
  if (!begun.is_over(stop.until.end())) {
    jobs::log(jobs::log_level::warning, "start-given-up");
    _exit(0);
  }
  return stop;
}

struct start_outcome {
  jobs::status started;
  std::optional<ending> stop = {}; ///< asked for meanwhile
  bool reload = false;             ///< the same
};

start_outcome start_node(node& running, const config& settings,
                         const options& given) {
  starting begun{running, settings, given};
  start_outcome out;
  for (;;) {
    switch (wait_for_signal()) {
    case asked::stop:
      out.stop = stop_start(begun, settings);
      out.started = begun.outcome();
      return out;
    case asked::reload:
      out.reload = true;
      break;
    case asked::look:
      out.started = begun.outcome();
      return out;
    }
  }
}

void reload_and_tell(const options& asked, node& running) {
  notify_supervisor("RELOADING=1");
  reload(asked, running);
  notify_supervisor("READY=1");
}

} // namespace

int serve(const options& given) {
  hold_signals();
  const auto settings = settings_of(given, reader::start);
  if (!settings)
    return unusable_config;
  log_to_stderr(settings->debug, settings->log.format == "json"
                                     ? jobs::log_format::json
                                     : jobs::log_format::text);
  const auto descriptors = raise_descriptor_limit();
  jobs::log(jobs::log_level::info, "starting",
            {{"version", ALULA_VERSION}, {"descriptors", descriptors}});

  node running;
  const auto begun = start_node(running, *settings, given);
  if (!begun.started) {
    complain(begun.started.error());
    return 1;
  }
  if (begun.stop)
    return finish_stop(running, *begun.stop);
  tell_where(*settings, running);
  notify_supervisor("READY=1");
  std::optional<heartbeat> alive;
  alive.emplace([&running] { running.look_alive(); });
  if (begun.reload)
    reload_and_tell(given, running);

  for (auto next = wait_for_signal(); next != asked::stop;
       next = wait_for_signal())
    if (next == asked::reload)
      reload_and_tell(given, running);
  const auto stop = begin_stop(*settings);
  alive.reset(); // it looks at what goes now
  return finish_stop(running, stop);
}

} // namespace alula::app
