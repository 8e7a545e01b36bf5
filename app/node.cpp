#include "app/node.hpp"

#include "app/config_changes.hpp"
#include "app/door_settings.hpp"
#include "app/node_parts.hpp"
#include "app/opened_places.hpp"
#include "app/panel_settings.hpp"
#include "app/places.hpp"
#include "app/with_advice.hpp"
#include "jobs/log.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace alula::app {

namespace {

/// Why the door did not open, and where to mend it: the port, or a TLS file.
jobs::fault with_door_advice(jobs::fault why, const config& settings) {
  const auto& ssl = settings.api.ssl;
  const bool of_tls =
      ssl.enabled && (why.where == ssl.cert || why.where == ssl.key);
  return with_advice(std::move(why),
                     of_tls ? "See api.ssl.cert and api.ssl.key."
                            : "See api.host and api.port, or choose a port "
                              "with --port.");
}

void tell_of_docker(const std::string& socket) {
  if (is_answering(socket))
    jobs::log(jobs::log_level::info, "docker-found", {{"socket", socket}});
  else
    jobs::log(jobs::log_level::warning, "docker-absent",
              {{"socket", socket},
               {"effect", "jobs that need containers wait until it is there"}});
}

/// What a running node cannot take over. The names are those of the file.
std::string needs_restart(const config& was, const config& is) {
  std::string out;
  for (const auto key : changed_keys(was, is))
    if (!is_live(key)) {
      out += out.empty() ? "" : " ";
      out += key;
    }
  return out;
}

} // namespace

node::node() = default;

node::~node() {
  if (parts_)
    stop(stop_deadline{parts_->settings.jobs.stop_grace,
                       stop_deadline::clock::now()});
}

jobs::status node::start(const config& settings, updater update) {
  auto opened = open_places(settings);
  if (!opened)
    return opened.error();
  {
    auto made = std::make_unique<parts>(settings, std::move(*opened),
                                        std::move(update));
    const std::scoped_lock guard{mutex_};
    parts_ = std::move(made);
  }
  try {
    auto begun = run_all();
    if (!begun)
      take_parts().reset();
    return begun;
  } catch (...) {
    take_parts().reset();
    throw;
  }
}

/// From the door on somebody may call, and an update reloads what runs.
jobs::status node::run_all() {
  auto& p = *parts_;
  if (auto ready = p.issued.start(); !ready)
    return with_advice(ready.error(), "See api.jwt in the configuration.");
  if (auto opened = p.door.start(); !opened)
    return with_door_advice(opened.error(), p.settings);
  tell_of_docker(p.docker_at);
  if (auto recovered = p.engine.start(); !recovered)
    return with_advice(recovered.error(), "The jobs cannot be taken up",
                       "Nothing was changed; look at "
                           + ledger_directory(p.settings).string() + ".");
  if (auto loaded = p.access.load(); !loaded)
    return with_advice(loaded.error(), "The tokens cannot be read",
                       "Nothing was changed; look at "
                           + ledger_directory(p.settings).string() + ".");
  p.chores.start();
  p.statuses.start();
  p.courier.start();
  p.sync.start();
  p.keeper.start();
  p.hub.follow(p.engine);
  p.telling.start();
  p.scale.start(*p.volumes);
  p.figures.listen();
  // Who is told that the node is ready finds the consoles of what runs. A
  // Docker that hangs is not waited for.
  constexpr std::chrono::seconds first_look{5};
  (void)p.keeper.await_first_look(first_look);
  jobs::log(jobs::log_level::info, "ready",
            {{"servers", p.engine.list_servers().size()}});
  return {};
}

/// Whoever destroys it waits for those who are still in it, so not locked.
std::unique_ptr<node::parts> node::take_parts() {
  const std::scoped_lock guard{mutex_};
  return std::move(parts_);
}

std::uint16_t node::port() const {
  return parts_ ? parts_->door.port() : std::uint16_t{0};
}

void node::look_alive() const {
  if (parts_)
    (void)parts_->door.count();
}

jobs::status node::reload(const config& settings) {
  const std::scoped_lock guard{mutex_};
  if (!parts_)
    return jobs::fault{.code = jobs::fault_code::shutting_down,
                       .what = "the node does not run"};
  auto& p = *parts_;
  if (const auto keys = needs_restart(p.settings, settings); !keys.empty())
    jobs::log(jobs::log_level::warning, "restart-needed", {{"keys", keys}});
  // The ledger keeps reports for a Panel, or it does not.
  if (has_panel(p.settings) != has_panel(settings))
    jobs::log(jobs::log_level::warning, "restart-needed", {{"keys", "remote"}});
  p.door.set_token(settings.token);
  p.signing_token = std::make_shared<const std::string>(settings.token);
  p.door.set_cross_origin(cross_origin_of(settings));
  p.hub.change_access(access_of(settings));
  p.panel.change_access(panel_access_of(settings));
  if (p.settings.api.ssl.enabled)
    return p.door.reload_tls();
  return {};
}

bool node::stop(const stop_deadline& until) {
  if (!parts_)
    return true;
  auto& p = *parts_;
  constexpr std::uint16_t going_away = 1001; // RFC 6455, 7.4.1
  p.door.drain();
  // Before anybody is waited for: whoever ends us meanwhile is no crash.
  p.ledger.ending();
  p.hub.dismiss_all(going_away, "the node stops", p.ports.socket_grace);
  p.chores.stop();
  p.telling.stop();
  p.figures.stop();
  p.scale.stop();
  p.sync.stop();
  p.courier.stop();
  p.statuses.stop();
  p.keeper.stop();
  p.desk.stop();
  p.access.stop();
  p.engine.stop(until.for_steps(stop_deadline::clock::now()));
  p.life.board.stop();
  p.events.close();
  p.door.stop(until.for_answers(stop_deadline::clock::now()));
  p.hub.stop();
  if (p.engine.workers_left() > 0) {
    (void)take_parts().release(); // whoever still works in there needs it
    return false;
  }
  take_parts().reset();
  return true;
}

} // namespace alula::app
