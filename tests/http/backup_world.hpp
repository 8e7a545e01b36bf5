/// The API with a server that has one good backup.
#pragma once

#include "tests/http/api_world.hpp"

#include <string>
#include <utility>

namespace alula::http {

inline const std::string some_backup = "a3d1c2f0-9a0b-4b55-8d3f-5c4e7a1b2c3d";
inline const std::string some_sha1 = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12";
inline const std::string backups_url =
    "/api/servers/" + some_server + "/backup";
inline const std::string backup_url_of_it = backups_url + "/" + some_backup;

struct backup_world : api_world {
  explicit backup_world(api_settings settings = {})
    : api_world(std::move(settings)) {
    auto server = std::make_shared<jobs::server_record>();
    server->row = 12;
    server->uuid = jobs::server_id::parse(some_server).value();
    engine.servers.push_back(std::move(server));
    jobs::backup_record b;
    b.uuid = jobs::backup_id::parse(some_backup).value();
    b.server = jobs::server_id::parse(some_server).value();
    b.state = jobs::backup_state::ready;
    b.facts = {.size = 10,
               .sha1 = some_sha1,
               .sha256 = std::string(64, 'a'),
               .content_bytes = 40,
               .files = 3};
    b.has_manifest = true;
    b.server_lives = true;
    b.created_at = 1'799'999'000'000;
    b.completed_at = 1'799'999'500'000;
    desk.put(std::move(b));
    desk.archives[desk.backups[0].uuid] = "0123456789";
  }

  jobs::backup_record& backup() { return desk.backups.at(0); }
  void set_rotation(std::string policy) {
    auto server = *engine.servers.at(0);
    server.rotation = std::move(policy);
    engine.servers.at(0) =
        std::make_shared<const jobs::server_record>(std::move(server));
  }
  void lose_server() {
    engine.servers.clear();
    for (auto& b : desk.backups)
      b.server_lives = false;
  }
  json last_body() const { return json::parse(engine.submitted.back().body); }
};

} // namespace alula::http
