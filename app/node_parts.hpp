/// The parts of a node: what there is of each, who owns it, and in which order
/// they are made and go. For the sources of app/node.hpp only.
///
/// Every part is a member and goes with the others; what they know of each
/// other are references. They are made from the top to the bottom and go from
/// the bottom to the top, so each may use those above it for as long as it
/// lives, its last moment included. What reaches further down, and what ends
/// it:
///
/// * the ledger to the engine, whom it tells of commits: actor_engine::stop
/// * the hub to the engine, the board of processes, the courier, the tokens and
///   the askers: socket_hub::stop
/// * the board of processes to the keeper and to the reporter of states:
///   server_keeper::stop, then the board's
/// * the figures to the door: metrics::stop
///
/// Threads that are there when the parts are made only wait: node::start starts
/// the parts, the door before the engine, so that it can say that the node
/// starts. node::stop ends all that reaches down, and all that begins something
/// of itself; what is left (issuer keys, Docker's facts and streams, errands)
/// uses what stands above it only and ends with its own destructor. After a
/// start that failed the destructor of the parts ends what reaches down, and
/// waits for the steps that run. Where a step does not come back by the
/// deadline of node::stop nothing goes at all.
#pragma once

#include "actors/access_keeper.hpp"
#include "actors/actor_engine.hpp"
#include "actors/chores.hpp"
#include "actors/panel_courier.hpp"
#include "actors/panel_sync.hpp"
#include "actors/reading_desk.hpp"
#include "actors/server_keeper.hpp"
#include "actors/status_reporter.hpp"
#include "app/alerts.hpp"
#include "app/issuer_keys.hpp"
#include "app/life_parts.hpp"
#include "app/metrics.hpp"
#include "app/node.hpp"
#include "app/opened_places.hpp"
#include "app/trash_scale.hpp"
#include "backup/local_archives.hpp"
#include "backup/system_object_files.hpp"
#include "http/access_book.hpp"
#include "http/routes.hpp"
#include "http/server.hpp"
#include "http/socket_hub.hpp"
#include "jobs/activity.hpp"
#include "jobs/clock.hpp"
#include "jobs/downloads.hpp"
#include "jobs/far_places.hpp"
#include "jobs/incoming_transfers.hpp"
#include "jobs/ports.hpp"
#include "jobs/upload_rate.hpp"
#include "remote/docker.hpp"
#include "remote/docker_facts.hpp"
#include "remote/node_links.hpp"
#include "remote/panel_client.hpp"
#include "remote/s3_stores.hpp"
#include "remote/signed_links.hpp"
#include "storage/data_lock.hpp"
#include "storage/local_volumes.hpp"
#include "storage/sqlite_ledger.hpp"
#include "storage/sqlite_queries.hpp"
#include "storage/transfer_journal.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace alula::app {

struct node::parts {
  parts(const config& c, opened_places opened, updater how_to_update);
  ~parts();
  parts(const parts&) = delete;
  parts& operator=(const parts&) = delete;

  /// What the Panel is to hear of it; nothing when there is no Panel, or when
  /// it has been away for so long that what waits for it is enough.
  std::optional<jobs::tell_panel> report(const jobs::activity& what);
  void note(const jobs::activity& what);

  // node_door.cpp: what the door is made of.
  http::server_settings door_settings();
  std::vector<http::route> routes();
  http::api_settings api_settings();
  http::system_services system_services();
  metrics::door_figures look_at_door();

  // As it was configured, and the lock, which is let go last.
  config settings;
  updater update;
  /// The token as it is since the last reload.
  std::atomic<std::shared_ptr<const std::string>> signing_token{
      std::make_shared<const std::string>(settings.token)};
  storage::data_lock lock;
  std::string docker_at;

  // What is durable, and the other programs: the ports of the steps.
  jobs::system_clock clock;
  storage::sqlite_ledger ledger;
  storage::sqlite_queries queries;
  jobs::downloads downloads;
  remote::docker docker;
  remote::panel_client panel;
  std::unique_ptr<storage::local_volumes> volumes;
  std::unique_ptr<backup::local_archives> archives;

  // Storage on other machines.
  remote::web_links links;
  remote::s3_stores stores;
  remote::http_node_links nodes;
  storage::ledger_journal journal;
  jobs::far_places far;

  // Backups that systems push here, and servers that other nodes do.
  backup::system_object_files objects;
  jobs::incoming_bodies bodies;
  jobs::system_parts systems;
  jobs::upload_rate uploads;
  jobs::incoming_transfers incoming;

  // Who listens to servers, and what runs them.
  http::socket_hub hub;
  life_parts life;

  // The engine, over all ports.
  jobs::ports ports;
  actors::actor_engine engine;

  // What the door asks beside it.
  actors::reading_desk desk;
  actors::access_keeper access;
  http::access_book book;
  issuer_keys issued;
  remote::docker_facts_desk facts;

  // Who asks the engine of itself, for ever and again.
  actors::chores chores;
  actors::server_keeper keeper;
  actors::panel_courier courier;
  actors::status_reporter statuses;
  actors::panel_sync sync;

  // Who looks on.
  alerts telling;
  trash_scale scale;
  metrics figures; ///< looks at the door, below: stopped before that goes

  // The door, and who answers for it later.
  http::event_streams events;
  http::errands later;
  http::errands askers{256, 4};
  http::server door;
};

} // namespace alula::app
