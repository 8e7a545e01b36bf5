/// The engine with the kinds that are shipped, on fakes: a node with servers
/// and backups.
#pragma once

#include "jobs/catalog.hpp"
#include "tests/actors/engine_world.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace alula::actors_test {

struct backup_node : engine_world {
  explicit backup_node(int servers = 2) : engine_world(servers) {
    settings.pools = {{"lifecycle", 4}, {"purge", 1},  {"backup", 2},
                      {"restore", 1},   {"verify", 1}, {"transfer", 2},
                      {"power", 1},     {"kill", 1},   {"install", 1},
                      {"pull", 1},      {"upload", 1}};
    for (int i = 1; i <= servers; ++i) {
      volumes.put(server_number(i), {.files = 3, .bytes = 300});
      containers.put("c" + std::to_string(i), server_number(i).to_string());
    }
    archives.volume = {{"world/a", "aaaa"}, {"server.properties", "x"}};
    archives.now = clock.at;
  }
  /// Whatever the fakes hold is let go before the engine waits for it.
  ~backup_node() {
    for (const auto* method : {"write", "verify", "extract", "browse", "index"})
      archives.let_go(method);
  }

  backup_node& boot() {
    engine_world::boot(jobs::standard_catalog());
    return *this;
  }

  static jobs::backup_id backup(int number) {
    return actors_test::backup(number);
  }
  /// On the disk, and on record as ready.
  void put_backup(int number, int server, jobs::time_ms verified_at = 0) {
    const auto facts = archives.put(backup(number), server_number(server),
                                    {{"world/a", "old"}});
    doubles::fake_backup_rows::backup_row row;
    row.record = {.row = ++store->last_backup,
                  .uuid = backup(number),
                  .server = server_number(server),
                  .state = jobs::backup_state::ready,
                  .facts = facts,
                  .has_manifest = true,
                  .created_at = clock.at,
                  .completed_at = clock.at,
                  .verified_at = verified_at};
    const std::scoped_lock lock{store->mutex};
    store->backups[backup(number)] = row;
  }
  /// A tree in the trash that a restore of server 1 replaced.
  jobs::job_id put_replaced(jobs::time_ms keep_until) {
    const auto id = jobs::make_job_id(clock.at);
    {
      const std::scoped_lock lock{store->mutex};
      store->replaced[id].tree = {.replaced_by = id,
                                  .server = server_number(1),
                                  .server_row = 1,
                                  .name = id.to_string(),
                                  .replaced_at = clock.at,
                                  .keep_until = keep_until};
    }
    const std::scoped_lock lock{volumes.mutex};
    volumes.trash[id.to_string()] = {.files = 1, .bytes = 1};
    return id;
  }
  std::size_t replaced_left() {
    const std::scoped_lock lock{store->mutex};
    return store->replaced.size();
  }

  static std::string create_body(int number) {
    return nlohmann::json{{"adapter", "wings"}, {"uuid", backup(number).view()}}
        .dump();
  }
  static std::string restore_body(int number) {
    return nlohmann::json{{"adapter", "wings"},
                          {"backup", backup(number).view()},
                          {"truncate_directory", true}}
        .dump();
  }
  static std::string about(const char* name, std::string_view id) {
    return nlohmann::json{{name, id}}.dump();
  }

  std::optional<jobs::backup_record> record(int number) {
    return queries.find_backup(backup(number)).value();
  }
  std::vector<jobs::job_record> jobs_of(const std::string& kind) {
    return queries.list_jobs({.kind = kind}, 0, 1'000).value().items;
  }
  template<class Condition>
  void eventually(Condition holds) {
    pass_until(std::chrono::milliseconds{0}, holds);
  }
};

} // namespace alula::actors_test
