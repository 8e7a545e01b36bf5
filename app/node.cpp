#include "app/node.hpp"

#include "actors/access_keeper.hpp"
#include "actors/actor_engine.hpp"
#include "actors/chores.hpp"
#include "actors/panel_courier.hpp"
#include "actors/panel_sync.hpp"
#include "actors/reading_desk.hpp"
#include "actors/server_keeper.hpp"
#include "app/alerts.hpp"
#include "app/config_changes.hpp"
#include "app/door_settings.hpp"
#include "app/far_settings.hpp"
#include "app/issuer_keys.hpp"
#include "app/job_settings.hpp"
#include "app/life_parts.hpp"
#include "app/life_settings.hpp"
#include "app/log_sink.hpp"
#include "app/metrics.hpp"
#include "app/panel_settings.hpp"
#include "app/places.hpp"
#include "app/storage_settings.hpp"
#include "app/system_settings.hpp"
#include "app/trash_scale.hpp"
#include "backup/local_archives.hpp"
#include "backup/system_object_files.hpp"
#include "http/access_book.hpp"
#include "http/routes.hpp"
#include "http/server.hpp"
#include "http/socket_hub.hpp"
#include "jobs/activity.hpp"
#include "jobs/catalog.hpp"
#include "jobs/clock.hpp"
#include "jobs/disk_room.hpp"
#include "jobs/downloads.hpp"
#include "jobs/far_places.hpp"
#include "jobs/incoming_transfers.hpp"
#include "jobs/log.hpp"
#include "jobs/ports.hpp"
#include "jobs/upload_rate.hpp"
#include "remote/docker.hpp"
#include "remote/docker_facts.hpp"
#include "remote/panel_client.hpp"
#include "storage/data_lock.hpp"
#include "storage/local_volumes.hpp"
#include "storage/sqlite_ledger.hpp"
#include "storage/sqlite_queries.hpp"
#include "storage/store_mark.hpp"
#include "storage/transfer_journal.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace alula::app {

using jobs::log_level;

/// In order of dependence: each member uses those above it, and none below.
struct node::parts {
  parts(const config& c, storage::data_lock held, const std::string& store_id,
        std::string docker_socket,
        std::unique_ptr<storage::local_volumes> opened_volumes,
        std::unique_ptr<backup::local_archives> opened_archives,
        std::vector<remote::s3_settings> stores_of_ours,
        std::shared_ptr<jobs::shared_rate> upload_limit,
        std::shared_ptr<jobs::disk_room> room, updater how_to_update)
    : settings(c), update(std::move(how_to_update)), lock(std::move(held)),
      docker_at(std::move(docker_socket)),
      ledger(ledger_settings_of(c, store_id), clock),
      queries(ledger_file(c), clock), docker(docker_settings_of(c, docker_at)),
      panel(panel_settings_of(c)), volumes(std::move(opened_volumes)),
      archives(std::move(opened_archives)),
      links(link_settings_of(c, std::move(upload_limit))),
      stores(std::move(stores_of_ours), clock), nodes(node_link_settings_of(c)),
      journal(ledger), far{links, stores, journal, upload_rules_of(c), &nodes},
      objects(systems_directory(c), room),
      systems(system_parts_of(c, objects, bodies)),
      uploads(systems.limits.per_minute, systems.limits.per_hour),
      hub(access_of(c), socket_settings_of(c), clock),
      life(c, docker, *volumes, hub, clock),
      ports{docker,
            *volumes,
            hub,
            downloads,
            *archives,
            queries,
            std::chrono::hours{c.system.undelete_hours},
            std::chrono::hours{c.system.restore_undo_hours},
            c.api.websocket.close_grace,
            panel},
      engine(engine_settings_of(c), jobs::standard_catalog(), ports, ledger,
             queries, clock),
      desk({}, *archives, queries, ledger, &far,
           watched_places_of(c, *volumes, std::move(room))),
      access(queries, ledger, clock), book(access, clock), issued(c, clock),
      facts(life.factory, ALULA_VERSION),
      chores(chore_settings_of(c, docker, objects), engine, queries, ledger,
             clock),
      keeper(keeper_settings_of(c), engine, queries, ledger, docker, life.board,
             clock),
      courier({}, engine, queries, ledger, panel, clock),
      sync({}, engine, ledger, panel, clock),
      telling(alert_settings_of(c), engine, desk, clock),
      figures({engine, desk, courier, clock, [this] { return look_at_door(); },
               [this] { return scale.bytes(); }, facts,
               [this] { return docker.unresponsive().size(); }, &queries,
               systems.limits.organization}),
      events(engine), door(door_settings(), routes()) {
    ports.life = &life.ports;
    ports.far = &far;
    ports.systems = &systems;
    ports.incoming = &incoming;
    hub.serve(
        {.processes = &life.board,
         .askers = &askers,
         .report = [this](const jobs::activity& what) { return report(what); },
         .note = [this](const jobs::activity& what) { note(what); },
         .audit =
             [this](jobs::audit_record what) {
               access.record(std::move(what));
             },
         .log_lines =
             static_cast<std::size_t>(settings.system.websocket_log_count)});
  }

  /// Bounded, for a Panel that is away for long.
  std::optional<jobs::tell_panel> report(const jobs::activity& what) {
    constexpr std::int64_t most_waiting = 10'000;
    if (!has_panel(settings))
      return std::nullopt;
    if (courier.figures().open >= most_waiting) {
      jobs::log(log_level::warning, "activity-dropped",
                {{"server", what.server.view()}, {"event", what.event}});
      return std::nullopt;
    }
    return jobs::report_of(what);
  }

  void note(const jobs::activity& what) {
    auto told = report(what);
    if (!told)
      return;
    ledger.amend({*std::move(told)}, [](const jobs::status& kept) {
      if (!kept)
        jobs::log(log_level::warning, "activity-dropped",
                  {{"why", kept.error().what}});
    });
  }

  http::server_settings door_settings() {
    auto out = door_settings_of(settings);
    out.gate = [this](const http::request&) -> std::optional<jobs::fault> {
      if (engine.is_ready() && access.is_loaded())
        return std::nullopt;
      return jobs::fault{.code = jobs::fault_code::starting,
                         .what = engine.is_ready()
                                     ? "alula has not read its tokens yet"
                                     : engine.not_ready_reason()};
    };
    out.principals = {
        .bearer =
            [this](std::string_view token) {
              auto who = book.by_token(token);
              return who ? who : issued.find(token);
            },
        .basic =
            [this](std::string_view user, std::string_view password) {
              return book.by_password(user, password);
            }};
    return out;
  }

  std::vector<http::route> routes() {
    return http::make_routes({engine,
                              desk,
                              clock,
                              events,
                              later,
                              facts,
                              http::make_socket_handler(hub, engine),
                              http::make_deny_handler(hub, engine),
                              api_settings(),
                              &courier,
                              {&life.board, &life.installs, &askers},
                              http::make_deauthorize_handler(hub),
                              &courier,
                              &access,
                              system_services(),
                              &incoming});
  }

  http::system_services system_services() {
    return {.records = &queries,
            .parts = &systems,
            .rate = &uploads,
            .link_secret = [this] { return *signing_token.load(); },
            .public_url = settings.systems.public_url,
            .has_tls = settings.api.ssl.enabled,
            .put =
                [this](jobs::put_system what,
                       std::function<void(jobs::status)> done) {
                  ledger.amend({std::move(what)}, std::move(done));
                }};
  }

  metrics::door_figures look_at_door() {
    const auto now = door.count();
    return {now.connections, now.pending, now.streams, now.websockets,
            now.transfers};
  }

  http::api_settings api_settings() {
    return {.sync_wait = settings.api.sync_wait,
            .cursor_secret = settings.token,
            .delete_backups_with_server =
                settings.system.backups.with_server == "delete",
            .rotation = rotation_of(settings),
            .overhead = life.settings.rules.overhead,
            .signing_key = [this] { return *signing_token.load(); },
            .has_panel = has_panel(settings),
            .check_link =
                [this](const std::string& url) { return links.check(url); },
            .check_node =
                [this](const std::string& url) { return nodes.check(url); },
            .stores = stores.names(),
            .presign = [this](const std::string& store,
                              const std::string& key) -> std::string {
              auto* found = stores.find(store);
              constexpr std::chrono::minutes lasts{15};
              return found ? found->presign_get(key, lasts) : std::string{};
            },
            .status_page = settings.api.status_page,
            .metrics = [this] { return figures.text(); },
            .log_level = {log_level_now, set_log_level},
            .update = update};
  }

  config settings;
  updater update;
  /// The token as it is since the last reload.
  std::atomic<std::shared_ptr<const std::string>> signing_token{
      std::make_shared<const std::string>(settings.token)};
  storage::data_lock lock;
  std::string docker_at;
  jobs::system_clock clock;
  storage::sqlite_ledger ledger;
  storage::sqlite_queries queries;
  jobs::downloads downloads;
  remote::docker docker;
  remote::panel_client panel;
  std::unique_ptr<storage::local_volumes> volumes;
  std::unique_ptr<backup::local_archives> archives;
  remote::web_links links;
  remote::s3_stores stores;
  remote::http_node_links nodes;
  storage::ledger_journal journal;
  jobs::far_places far;
  backup::system_object_files objects;
  jobs::incoming_bodies bodies;
  jobs::system_parts systems;
  jobs::upload_rate uploads;
  jobs::incoming_transfers incoming;
  http::socket_hub hub;
  life_parts life;
  jobs::ports ports;
  actors::actor_engine engine;
  actors::reading_desk desk;
  actors::access_keeper access;
  http::access_book book;
  issuer_keys issued;
  remote::docker_facts_desk facts;
  actors::chores chores;
  actors::server_keeper keeper;
  actors::panel_courier courier;
  actors::panel_sync sync;
  alerts telling;
  trash_scale scale;
  metrics figures; ///< looks at the door, below: stopped before that goes
  http::event_streams events;
  http::errands later;
  http::errands askers{256, 4};
  http::server door;
};

namespace {

/// The sentence of a fault with what an operator may do about it.
jobs::fault with_advice(jobs::fault why, std::string_view advice) {
  if (!why.what.empty() && why.what.back() != '.')
    why.what += '.';
  why.what += ' ';
  why.what += advice;
  return why;
}

jobs::fault with_advice(jobs::fault why, std::string_view what_failed,
                        std::string_view advice) {
  why.what = std::string{what_failed} + ": " + why.what;
  return with_advice(std::move(why), advice);
}

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
    jobs::log(log_level::info, "docker-found", {{"socket", socket}});
  else
    jobs::log(log_level::warning, "docker-absent",
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
  auto socket = docker_socket(settings);
  if (!socket)
    return with_advice(socket.error(), "No Docker endpoint",
                       "Set docker.socket to the path of dockerd's socket.");
  const auto ledger_at = ledger_directory(settings);
  auto lock = storage::data_lock::acquire(ledger_at);
  if (!lock)
    return lock.error();
  // Before anything is made: a disk may not be mounted.
  auto mark = storage::store_mark::look(
      ledger_file(settings), {settings.system.data, trash_directory(settings)},
      backup_directory(settings));
  if (!mark)
    return mark.error();
  const auto upload_limit = upload_limit_of(settings);
  auto stores = stores_of(settings, upload_limit);
  if (!stores)
    return with_advice(stores.error(), "See stores in the configuration.");
  const auto room = room_of(settings);
  auto volumes =
      storage::local_volumes::open(volume_settings_of(settings, room));
  if (!volumes)
    return volumes.error();
  auto archives =
      backup::local_archives::open(store_settings_of(settings, room));
  if (!archives)
    return with_advice(archives.error(), "The backups cannot be reached",
                       "See system.backup_directory and system.backups.");
  if (auto marked = mark->write(); !marked)
    return marked;
  {
    auto made = std::make_unique<parts>(
        settings, std::move(*lock), mark->id(), std::move(*socket),
        std::move(*volumes), std::move(*archives), std::move(*stores),
        upload_limit, room, std::move(update));
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
  jobs::log(log_level::info, "ready",
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
    jobs::log(log_level::warning, "restart-needed", {{"keys", keys}});
  // The ledger keeps reports for a Panel, or it does not.
  if (has_panel(p.settings) != has_panel(settings))
    jobs::log(log_level::warning, "restart-needed", {{"keys", "remote"}});
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
