#include "app/node.hpp"

#include "actors/actor_engine.hpp"
#include "app/places.hpp"
#include "http/routes.hpp"
#include "http/server.hpp"
#include "http/socket_hub.hpp"
#include "jobs/catalog.hpp"
#include "jobs/clock.hpp"
#include "jobs/downloads.hpp"
#include "jobs/log.hpp"
#include "jobs/ports.hpp"
#include "remote/docker.hpp"
#include "storage/data_lock.hpp"
#include "storage/local_volumes.hpp"
#include "storage/sqlite_ledger.hpp"
#include "storage/sqlite_queries.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::app {

namespace {

using jobs::log_level;
using std::chrono::milliseconds;

std::size_t size(std::int64_t checked_setting) {
  return static_cast<std::size_t>(checked_setting);
}

remote::docker_settings docker_settings_of(const config& c,
                                           std::string socket) {
  const auto& limits = c.docker.deadlines;
  remote::docker_settings out;
  out.socket = std::move(socket);
  out.connect = limits.connect;
  out.inspect = limits.inspect;
  out.list = limits.list;
  out.kill = limits.kill;
  out.removal = limits.removal;
  return out;
}

storage::volume_settings volume_settings_of(const config& c) {
  const auto who = file_owner(c);
  return {.volumes = c.system.data,
          .trash = trash_directory(c),
          .uid = who.uid,
          .gid = who.gid};
}

http::socket_access access_of(const config& c) {
  return {c.token, c.remote, c.allowed_origins};
}

/// Three quarters of the connections the door will take: the rest is for the
/// Panel, whatever the players do.
std::size_t seats_of(const config& c) {
  const http::door_limits standard;
  const auto asked = c.api.max_connections;
  const auto wanted = asked > 0 ? size(asked) : std::size_t{10'000};
  const long open_files = sysconf(_SC_OPEN_MAX);
  const auto all = open_files > 0 ? size(open_files) : wanted;
  const auto door =
      std::min(wanted, all - std::min(all / 2, standard.reserved_descriptors));
  return std::max<std::size_t>(
      1, std::min(size(c.api.websocket.max_total), door * 3 / 4));
}

http::socket_settings socket_settings_of(const config& c) {
  const auto& asked = c.api.websocket;
  http::socket_settings out;
  out.limits.per_server = size(asked.max_per_server);
  out.limits.on_node = seats_of(c);
  out.limits.auth_deadline = asked.auth_deadline;
  out.limits.ping_every = asked.ping_interval;
  out.limits.close_grace = asked.close_grace;
  out.limits.frames_per_second = static_cast<double>(asked.messages_per_second);
  out.limits.frames_burst = 3 * out.limits.frames_per_second;
  return out;
}

storage::ledger_settings ledger_settings_of(const config& c) {
  return {.file = ledger_directory(c) / "ledger.db", .version = ALULA_VERSION};
}

actors::engine_settings engine_settings_of(const config& c) {
  actors::engine_settings out;
  out.pools = {{"lifecycle", size(c.jobs.pools.lifecycle)},
               {"purge", size(c.jobs.pools.purge)}};
  out.keep = {c.jobs.retention_succeeded, c.jobs.retention_failed};
  // Whoever looks at a server is not kept as long as a job would wait.
  out.inspect_limit = std::min(out.inspect_limit, c.docker.deadlines.inspect);
  return out;
}

std::optional<http::tls_files> tls_of(const config& c) {
  if (!c.api.ssl.enabled)
    return std::nullopt;
  return http::tls_files{c.api.ssl.cert, c.api.ssl.key};
}

http::server_settings door_settings_of(const config& c) {
  http::server_settings out;
  out.host = c.api.host;
  out.port = static_cast<std::uint16_t>(c.api.port);
  out.token = c.token;
  out.tls = tls_of(c);
  out.cross_origin = {c.remote, c.allowed_origins,
                      c.allow_cors_private_network};
  out.limits.body = size(c.api.body_limit);
  out.limits.open_body = std::min(out.limits.open_body, out.limits.body);
  out.limits.connections = size(c.api.max_connections);
  out.limits.socket_message = size(c.api.websocket.message_limit);
  out.limits.socket_unsent = size(c.api.websocket.unsent_limit);
  // The hub is the one that answers a client that talks too much; the door
  // only cuts those who do not listen to it.
  out.limits.socket_frames_per_second =
      5 * static_cast<double>(c.api.websocket.messages_per_second);
  out.limits.socket_frames_burst = 4 * out.limits.socket_frames_per_second;
  return out;
}

} // namespace

/// In order of dependence: each member uses those above it, and none below.
struct node::parts {
  parts(const config& c, storage::data_lock held, std::string docker_socket,
        std::unique_ptr<storage::local_volumes> opened_volumes)
    : settings(c), lock(std::move(held)), docker_at(std::move(docker_socket)),
      ledger(ledger_settings_of(c), clock), queries(ledger_settings_of(c).file),
      docker(docker_settings_of(c, docker_at)),
      volumes(std::move(opened_volumes)),
      hub(access_of(c), socket_settings_of(c), clock),
      ports{docker,
            *volumes,
            hub,
            downloads,
            std::chrono::hours{c.system.undelete_hours},
            c.api.websocket.close_grace},
      engine(engine_settings_of(c), jobs::standard_catalog(), ports, ledger,
             queries, clock),
      events(engine), door(door_settings(), routes()) {}

  http::server_settings door_settings() {
    auto out = door_settings_of(settings);
    out.gate = [this](const http::request&) -> std::optional<jobs::fault> {
      if (engine.is_ready())
        return std::nullopt;
      return jobs::fault{.code = jobs::fault_code::starting,
                         .what = engine.not_ready_reason()};
    };
    return out;
  }

  std::vector<http::route> routes() {
    return http::make_routes({engine,
                              clock,
                              events,
                              later,
                              http::make_socket_handler(hub, engine),
                              http::make_deny_handler(hub, engine),
                              {.sync_wait = settings.api.sync_wait,
                               .cursor_secret = settings.token}});
  }

  config settings;
  storage::data_lock lock;
  std::string docker_at;
  jobs::system_clock clock;
  storage::sqlite_ledger ledger;
  storage::sqlite_queries queries;
  jobs::downloads downloads;
  remote::docker docker;
  std::unique_ptr<storage::local_volumes> volumes;
  http::socket_hub hub;
  jobs::ports ports;
  actors::actor_engine engine;
  http::event_streams events;
  http::errands later;
  http::server door;
};

namespace {

/// The sentence of a fault with what an operator may do about it.
jobs::fault with_advice(jobs::fault why, std::string_view what_failed,
                        std::string_view advice) {
  std::string what{what_failed};
  what += ": ";
  what += why.what;
  if (!why.what.empty() && why.what.back() != '.')
    what += '.';
  what += ' ';
  what += advice;
  why.what = std::move(what);
  return why;
}

void tell_of_docker(const std::string& socket) {
  if (is_answering(socket))
    jobs::log(log_level::info, "docker-found", {{"socket", socket}});
  else
    jobs::log(log_level::warning, "docker-absent",
              {{"socket", socket},
               {"effect", "jobs that need containers wait until it is there"}});
}

/// What a running node cannot take over. The names are those of the file.
std::string needs_restart(const config& was, const config& is) {
  std::string out;
  const auto add = [&](bool differs, const char* key) {
    if (differs)
      out += (out.empty() ? "" : " ") + std::string{key};
  };
  add(was.api.host != is.api.host, "api.host");
  add(was.api.port != is.api.port, "api.port");
  add(was.api.ssl.enabled != is.api.ssl.enabled, "api.ssl.enabled");
  add(was.api.ssl.cert != is.api.ssl.cert, "api.ssl.cert");
  add(was.api.ssl.key != is.api.ssl.key, "api.ssl.key");
  add(was.system.root_directory != is.system.root_directory,
      "system.root_directory");
  add(was.system.data != is.system.data, "system.data");
  add(was.system.undelete_hours != is.system.undelete_hours,
      "system.undelete_hours");
  add(was.docker.socket != is.docker.socket, "docker.socket");
  return out;
}

} // namespace

node::node() = default;

node::~node() {
  stop();
}

jobs::status node::start(const config& settings) {
  auto socket = docker_socket(settings);
  if (!socket)
    return with_advice(socket.error(), "No Docker endpoint",
                       "Set docker.socket to the path of dockerd's socket.");
  const auto ledger_at = ledger_directory(settings);
  auto lock = storage::data_lock::acquire(ledger_at);
  if (!lock)
    return lock.error();
  auto volumes = storage::local_volumes::open(volume_settings_of(settings));
  if (!volumes)
    return volumes.error();
  auto made = std::make_unique<parts>(settings, std::move(*lock),
                                      std::move(*socket), std::move(*volumes));
  if (auto opened = made->door.start(); !opened)
    return with_advice(opened.error(),
                       "Cannot listen on " + settings.api.host + ":"
                           + std::to_string(settings.api.port),
                       "See api.host, api.port and api.ssl, or choose a port "
                       "with --port.");
  tell_of_docker(made->docker_at);
  if (auto recovered = made->engine.start(); !recovered)
    return with_advice(recovered.error(), "The jobs cannot be taken up",
                       "Nothing was changed; look at " + ledger_at.string()
                           + ".");
  jobs::log(log_level::info, "ready",
            {{"servers", made->engine.list_servers().size()}});
  parts_ = std::move(made);
  return {};
}

std::uint16_t node::port() const {
  return parts_ ? parts_->door.port() : std::uint16_t{0};
}

jobs::status node::reload(const config& settings) {
  auto& p = *parts_;
  if (const auto keys = needs_restart(p.settings, settings); !keys.empty())
    jobs::log(log_level::warning, "restart-needed", {{"keys", keys}});
  p.door.set_token(settings.token);
  p.hub.change_access(access_of(settings));
  if (p.settings.api.ssl.enabled)
    return p.door.reload_tls();
  return {};
}

bool node::stop() {
  if (!parts_)
    return true;
  auto& p = *parts_;
  constexpr std::uint16_t going_away = 1001; // RFC 6455, 7.4.1
  p.door.drain();
  p.hub.dismiss_all(going_away, "the node stops", p.ports.socket_grace);
  p.engine.stop(p.settings.jobs.stop_grace);
  p.events.close();
  p.door.stop(p.settings.jobs.stop_grace);
  p.hub.stop();
  if (p.engine.workers_left() > 0) {
    (void)parts_.release(); // whoever still works in there needs it
    return false;
  }
  parts_.reset();
  return true;
}

} // namespace alula::app
