#include "jobs/kinds/living.hpp"

#include "jobs/end_watch.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/step_clock.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <functional>
#include <mutex>
#include <stop_token>
#include <utility>

namespace alula::jobs {

using std::chrono::milliseconds;

result<known_server> server_of(const step_context& ctx) {
  auto found = ctx.node.records.find_server(ctx.job.server);
  if (!found)
    return std::move(found).error();
  if (!*found)
    return fault{.code = fault_code::server_not_found,
                 .what = "there is no server " + ctx.job.server.to_string()
                         + " any more"};
  auto config = parse_server_config((*found)->config);
  if (!config)
    return std::move(config).error();
  return known_server{std::move(**found), std::move(*config)};
}

const server_life& life_of(const step_context& ctx) {
  return *ctx.node.life;
}

result<synced> ask_panel(step_context& ctx, without_panel then) {
  const auto as_it_was = [&](bool panel_away) -> result<synced> {
    const auto known = server_of(ctx);
    if (!known)
      return known.error();
    return synced{{}, known->record.suspended, panel_away};
  };
  auto& panel = ctx.node.panel;
  if (!panel.is_configured())
    return as_it_was(false);
  const bool goes_on = then == without_panel::as_it_was;
  ctx.report({.message = "asks the Panel what the server is like"});
  const auto told = goes_on
                        ? panel.find_server_at_once(ctx.job.server, ctx.stop)
                        : panel.find_server(ctx.job.server, ctx.stop);
  if (!told && told.error().code == fault_code::panel_unavailable && goes_on)
    return as_it_was(true);
  if (!told)
    return told.error();
  const auto config = parse_server_config(told->config);
  if (!config)
    return config.error();
  synced found{.changes = {set_server_config{ctx.job.server, told->config,
                                             config->suspended}},
               .suspended = config->suspended};
  if (found.suspended)
    found.changes.emplace_back(want_power{.up = false});
  return found;
}

void turn_clients_away(step_context& ctx) {
  constexpr std::uint16_t policy_violation = 1008; // RFC 6455, 7.4.1
  ctx.node.audience.dismiss(ctx.job.server, policy_violation,
                            "server suspended", ctx.node.socket_grace);
}

status fetch_image(step_context& ctx, std::string_view configured) {
  const auto image = image_of(configured);
  if (image.name.empty())
    return fault{.code = fault_code::validation,
                 .what = "no image is configured for the server"};
  if (!image.may_pull)
    return {};
  auto& factory = life_of(ctx).factory;
  using pull_for = container_factory::pull_for;
  const auto before = factory.has_image(image.name);
  const bool was_here = before && *before;
  std::int64_t words = 0;
  auto pulled = factory.pull(
      image.name, login_for(image.name, life_of(ctx).settings.rules),
      [&](std::string_view word) {
        ctx.report({.done = ++words, .message = std::string{word}});
        ctx.node.audience.announce(ctx.job.server, "install output",
                                   {std::string{word}});
      },
      was_here ? pull_for::a_newer_image : pull_for::a_missing_image, ctx.stop);
  if (pulled || pulled.error().code == fault_code::interrupted)
    return pulled;
  // A registry that is away or slow, or does not know it any more, stops nobody
  // from running what is here (user-pains A31).
  const auto here = factory.has_image(image.name);
  if (!here || !*here)
    return pulled;
  log(log_level::warning, "image-not-pulled",
      {{"server", ctx.job.server.view()},
       {"image", image.name},
       {"why", pulled.error().what}});
  return {};
}

result<std::string> make_container(step_context& ctx,
                                   const known_server& server) {
  if (auto gone = ctx.node.containers.destroy(ctx.job.server.view(), ctx.stop);
      !gone)
    return std::move(gone).error();
  return create_container(ctx, server);
}

result<std::string> create_container(step_context& ctx,
                                     const known_server& server) {
  auto& factory = life_of(ctx).factory;
  if (const auto own = own_network(server.config))
    if (auto there = factory.ensure_network(*own); !there)
      return std::move(there).error();
  const auto rules = rules_here(ctx);
  if (!rules)
    return rules.error();
  const auto plan = server_container(ctx.job.server, server.config, *rules);
  for (const auto& source : plan.refused_mounts)
    log(log_level::warning, "mount-refused",
        {{"server", ctx.job.server.view()}, {"source", source}});
  return factory.create(plan.spec);
}

result<container_rules> rules_here(step_context& ctx) {
  const auto& life = life_of(ctx);
  const auto& rules = life.settings.rules;
  if (rules.network.name.empty())
    return rules;
  const auto there = life.factory.ensure_network(rules.network);
  if (!there)
    return there.error();
  return on_network(rules, there->driver);
}

namespace {

constexpr milliseconds look_every{2'000};
constexpr milliseconds kill_patience{15'000};

/// Ends a rest early: the step is to stop, or it is time to look.
class early_look {
public:
  explicit early_look(std::stop_token asked)
    : asked_(std::move(asked)), link_(asked_, [this] { wake(); }) {}

  void wake() {
    std::stop_source now{std::nostopstate};
    {
      const std::lock_guard guard{mutex_};
      now = source_;
    }
    now.request_stop();
  }

  /// Of the rest that comes next, until `begin`.
  std::stop_token token() {
    const std::lock_guard guard{mutex_};
    return source_.get_token();
  }

  /// Who wakes it from now on wants another look than this one. That the step
  /// is to stop stays.
  void begin() {
    const std::lock_guard guard{mutex_};
    if (source_.stop_requested() && !asked_.stop_requested())
      source_ = std::stop_source{};
  }

private:
  std::mutex mutex_;
  std::stop_source source_;
  const std::stop_token asked_;
  const std::stop_callback<std::function<void()>> link_;
};

/// Waits for the process to end, and asks Docker itself now and then: the
/// console may not be attached. True when it has ended.
result<bool> await_end(step_context& ctx, time_ms until) {
  auto& processes = life_of(ctx).processes;
  const auto name = ctx.job.server.view();
  const step_clock clock{ctx};
  early_look early{ctx.stop};
  end_watch end{ctx.node.containers, name, [&early] { early.wake(); }};
  for (bool runs = true;;) { // dockerd has just answered
    const auto left = milliseconds{until - clock.now()};
    if (runs)
      end.seen_running(left);
    if (processes.await_offline(ctx.job.server,
                                std::clamp(left, milliseconds{0}, look_every),
                                early.token()))
      return true;
    if (ctx.stop.stop_requested())
      return fault{.code = fault_code::interrupted, .what = "asked to stop"};
    early.begin();
    const auto found = ctx.node.containers.inspect(name);
    runs = found.has_value();
    if (found && (!*found || !(*found)->running))
      return true;
    if (!found && clock.now() >= until)
      return found.error();
    if (clock.now() >= until)
      return false;
    ctx.report({.message = "waits for the server to stop"});
  }
}

/// Docker may tell the end before all is heard that was said, and with it the
/// console is let go.
void hear_last_words(step_context& ctx) {
  constexpr milliseconds most{250};
  if (life_of(ctx).streams.is_attached(ctx.job.server.view()))
    (void)life_of(ctx).processes.await_offline(ctx.job.server, most, ctx.stop);
}

/// False when it could not be said there: then a signal is sent.
bool say_stop(step_context& ctx, const known_server& server,
              const std::string& command) {
  auto& processes = life_of(ctx).processes;
  if (command.empty() || !processes.attach(server.record))
    return false;
  return processes.write(ctx.job.server, command).has_value();
}

} // namespace

status stop_process(step_context& ctx, const known_server& server,
                    milliseconds grace, time_ms since) {
  auto& processes = life_of(ctx).processes;
  const auto name = ctx.job.server.view();
  const auto found = ctx.node.containers.inspect(name);
  if (!found)
    return found.error();
  if (!*found || !(*found)->running) {
    processes.set_state(ctx.job.server, process_state::offline);
    return {};
  }
  processes.set_state(ctx.job.server, process_state::stopping);
  const auto until = since + grace.count();
  const auto way = how_to_stop(server.config);
  if (say_stop(ctx, server, way.command)) {
    const auto ended = await_end(ctx, until);
    if (!ended)
      return ended.error();
    if (!*ended)
      return kill_process(ctx);
  } else {
    const auto left = std::max(milliseconds{until - ctx.now}, milliseconds{0});
    if (auto stopped =
            ctx.node.containers.stop(name, way.signal, left, ctx.stop);
        !stopped)
      return stopped;
  }
  hear_last_words(ctx);
  processes.set_state(ctx.job.server, process_state::offline);
  return {};
}

status kill_process(step_context& ctx) {
  auto& processes = life_of(ctx).processes;
  const auto name = ctx.job.server.view();
  const auto found = ctx.node.containers.inspect(name);
  const bool gone = found && (!*found || !(*found)->running);
  if (!gone) {
    processes.set_state(ctx.job.server, process_state::stopping);
    if (auto killed = ctx.node.containers.kill(name, "SIGKILL"); !killed)
      return killed;
    const auto ended = await_end(ctx, ctx.now + kill_patience.count());
    if (!ended)
      return ended.error();
    if (!*ended)
      return fault{.code = fault_code::timed_out,
                   .what = "the server was killed and still runs: dockerd or "
                           "the kernel holds its process"};
    hear_last_words(ctx);
  }
  processes.set_state(ctx.job.server, process_state::offline);
  return {};
}

step_outcome start_process_again(step_context& ctx) {
  const auto server = server_of(ctx);
  if (!server)
    return server.error();
  auto& processes = life_of(ctx).processes;
  const auto found = ctx.node.containers.inspect(ctx.job.server.view());
  if (!found)
    return found.error();
  if (!*found)
    return step_done{};
  if (processes.state(ctx.job.server) == process_state::offline)
    processes.set_state(ctx.job.server, process_state::starting);
  (void)processes.attach(server->record);
  const auto started = ctx.node.containers.start(ctx.job.server.view());
  if (!started && started.error().code == fault_code::docker_refused) {
    // Its port may have been taken meanwhile. Who parks over it keeps the
    // server from being started at all.
    processes.set_state(ctx.job.server, process_state::stopping);
    processes.set_state(ctx.job.server, process_state::offline);
    say(ctx, "The server could not be started again: " + started.error().what);
    return step_done{};
  }
  if (!started)
    return started.error();
  return step_done{.changes = {want_power{.up = true}}};
}

time_ms begun_at(const step_context& ctx, std::string_view step) {
  const auto* found = ctx.job.find_step(step);
  return found && found->started_at != 0 ? found->started_at : ctx.now;
}

void say(const step_context& ctx, std::string_view notice) {
  life_of(ctx).processes.say(ctx.job.server, notice);
}

} // namespace alula::jobs
