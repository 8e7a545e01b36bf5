#include "app/node_parts.hpp"

#include "app/door_settings.hpp"
#include "app/far_settings.hpp"
#include "app/job_settings.hpp"
#include "app/life_settings.hpp"
#include "app/panel_settings.hpp"
#include "app/places.hpp"
#include "app/storage_settings.hpp"
#include "app/system_settings.hpp"
#include "jobs/catalog.hpp"
#include "jobs/log.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace alula::app {

node::parts::parts(const config& c, opened_places opened, updater how_to_update)
  : settings(c), update(std::move(how_to_update)), lock(std::move(opened.lock)),
    docker_at(std::move(opened.docker_socket)),
    ledger(ledger_settings_of(c, std::move(opened.store_id)), clock),
    queries(ledger_file(c), clock), docker(docker_settings_of(c, docker_at)),
    panel(panel_settings_of(c)), volumes(std::move(opened.volumes)),
    archives(std::move(opened.archives)),
    links(link_settings_of(c, std::move(opened.upload_limit))),
    stores(std::move(opened.stores), clock), nodes(node_link_settings_of(c)),
    journal(ledger), far{links, stores, journal, upload_rules_of(c), &nodes},
    objects(systems_directory(c), opened.room),
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
         watched_places_of(c, *volumes, std::move(opened.room))),
    access(queries, ledger, clock), book(access, clock), issued(c, clock),
    facts(life.factory, ALULA_VERSION),
    chores(chore_settings_of(c, docker, objects), engine, queries, ledger,
           clock),
    keeper(keeper_settings_of(c), engine, queries, ledger, docker, life.board,
           clock),
    courier(courier_settings_of(c), engine, queries, ledger, panel, clock),
    statuses(status_settings_of(c), queries, ledger, life.board, clock),
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
  life.board.tell_changes([this](const jobs::server_id& server,
                                 jobs::process_state before,
                                 jobs::process_state now) {
    statuses.changed(server, before, now);
  });
  hub.serve(
      {.processes = &life.board,
       .askers = &askers,
       .report = [this](const jobs::activity& what) { return report(what); },
       .note = [this](const jobs::activity& what) { note(what); },
       .audit =
           [this](jobs::audit_record what) { access.record(std::move(what)); },
       .log_lines =
           static_cast<std::size_t>(settings.system.websocket_log_count)});
}

/// Each of these may be stopped twice; after node::stop nothing is left to do.
node::parts::~parts() {
  figures.stop();
  keeper.stop();
  engine.stop(std::chrono::milliseconds{0});
  life.board.stop();
  hub.stop();
}

std::optional<jobs::tell_panel>
node::parts::report(const jobs::activity& what) {
  constexpr std::int64_t most_waiting = 10'000;
  if (!has_panel(settings))
    return std::nullopt;
  if (courier.figures().open >= most_waiting) {
    jobs::log(jobs::log_level::warning, "activity-dropped",
              {{"server", what.server.view()}, {"event", what.event}});
    return std::nullopt;
  }
  return jobs::report_of(what);
}

void node::parts::note(const jobs::activity& what) {
  auto told = report(what);
  if (!told)
    return;
  ledger.amend({*std::move(told)},
               jobs::with_log_context([](const jobs::status& kept) {
                 if (!kept)
                   jobs::log(jobs::log_level::warning, "activity-dropped",
                             {{"why", kept.error().what}});
               }));
}

} // namespace alula::app
