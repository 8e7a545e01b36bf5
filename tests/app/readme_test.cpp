// README.md shows the configuration; a reader copies it from there.
#include "app/config.hpp"
#include "app/config_schema.hpp"
#include "tests/doubles/places.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <string>

namespace alula::app {

namespace {

/// The block of README.md, with a word wherever the reader puts one.
std::string example() {
  std::ifstream in{std::string{doubles::places::tests_app}
                   + "/../../README.md"};
  const std::string readme{std::istreambuf_iterator<char>{in}, {}};
  const std::string begin = "```yaml\n";
  const auto from = readme.find(begin);
  REQUIRE(from != std::string::npos);
  auto text = readme.substr(from + begin.size());
  text.erase(text.find("```"));
  const std::string blank = "…";
  for (auto at = text.find(blank); at != std::string::npos;
       at = text.find(blank, at))
    text.replace(at, blank.size(), "/word");
  return text;
}

} // namespace

TEST_CASE("the configuration in README.md is read without a word", "[app]") {
  const auto report = parse_config(example());
  for (const auto& problem : report.problems)
    UNSCOPED_INFO(describe("README.md", problem));
  CHECK(report.problems.empty());
}

TEST_CASE("README.md shows each key that Wings does not have", "[app]") {
  const auto shown = parse_config(example());
  const auto of_wings = load_config(std::string{doubles::places::tests_app}
                                    + "/wings_defaults.yml");
  for (const auto& key : known_keys()) {
    const bool is_of_wings = of_wings.lines.contains(key.path);
    const bool is_one_of_many = key.path.find('*') != std::string_view::npos;
    INFO(key.path);
    CHECK((is_of_wings || is_one_of_many || shown.lines.contains(key.path)));
  }
}

TEST_CASE("README.md shows the defaults as they are", "[app]") {
  const auto shown = parse_config(example()).value;
  const config real = parse_config("token: secret\n").value;
  CHECK(shown.api.sync_wait == real.api.sync_wait);
  CHECK(shown.api.body_limit == real.api.body_limit);
  CHECK(shown.api.status_page == real.api.status_page);
  CHECK(shown.panel.container_status == real.panel.container_status);
  CHECK(shown.api.audit_retention == real.api.audit_retention);
  CHECK(shown.api.write_timeout == real.api.write_timeout);
  CHECK(shown.api.max_connections == real.api.max_connections);
  CHECK(shown.api.jwt.leeway == real.api.jwt.leeway);
  CHECK(shown.api.websocket.max_per_server
        == real.api.websocket.max_per_server);
  CHECK(shown.api.websocket.max_total == real.api.websocket.max_total);
  CHECK(shown.api.websocket.message_limit == real.api.websocket.message_limit);
  CHECK(shown.api.websocket.messages_per_second
        == real.api.websocket.messages_per_second);
  CHECK(shown.api.websocket.unsent_limit == real.api.websocket.unsent_limit);
  CHECK(shown.api.websocket.auth_deadline == real.api.websocket.auth_deadline);
  CHECK(shown.api.websocket.ping_interval == real.api.websocket.ping_interval);
  CHECK(shown.api.websocket.close_grace == real.api.websocket.close_grace);
  CHECK(shown.system.undelete_hours == real.system.undelete_hours);
  CHECK(shown.system.restore_undo_hours == real.system.restore_undo_hours);
  const auto& backups = shown.system.backups;
  const auto& of_code = real.system.backups;
  CHECK(backups.file_name == of_code.file_name);
  CHECK(backups.compression_level == of_code.compression_level);
  CHECK(backups.format == of_code.format);
  CHECK(backups.keep_free == of_code.keep_free);
  CHECK(backups.keep_outside_links == of_code.keep_outside_links);
  CHECK(backups.idle_io == of_code.idle_io);
  CHECK(backups.with_server == of_code.with_server);
  CHECK(backups.s3_stream == of_code.s3_stream);
  CHECK(backups.s3_parallel == of_code.s3_parallel);
  CHECK(backups.s3_stall == of_code.s3_stall);
  CHECK(backups.verify_days == of_code.verify_days);
  CHECK(backups.verify_hours == of_code.verify_hours);
  CHECK(backups.rotate_hours == of_code.rotate_hours);
  CHECK(backups.rotation.min_keep == of_code.rotation.min_keep);
  CHECK(shown.docker.deadlines.connect == real.docker.deadlines.connect);
  CHECK(shown.docker.deadlines.inspect == real.docker.deadlines.inspect);
  CHECK(shown.docker.deadlines.list == real.docker.deadlines.list);
  CHECK(shown.docker.deadlines.kill == real.docker.deadlines.kill);
  CHECK(shown.docker.deadlines.removal == real.docker.deadlines.removal);
  CHECK(shown.docker.deadlines.pull == real.docker.deadlines.pull);
  CHECK(shown.systems.upload_limit == real.systems.upload_limit);
  CHECK(shown.systems.backups_per_system == real.systems.backups_per_system);
  CHECK(shown.systems.size_per_system == real.systems.size_per_system);
  CHECK(shown.systems.size_per_organization
        == real.systems.size_per_organization);
  CHECK(shown.systems.uploads_per_minute == real.systems.uploads_per_minute);
  CHECK(shown.systems.uploads_per_hour == real.systems.uploads_per_hour);
  CHECK(shown.systems.link_lifetime == real.systems.link_lifetime);
  const auto& pools = shown.jobs.pools;
  CHECK(pools.lifecycle == real.jobs.pools.lifecycle);
  CHECK(pools.purge == real.jobs.pools.purge);
  CHECK(pools.backup == real.jobs.pools.backup);
  CHECK(pools.restore == real.jobs.pools.restore);
  CHECK(pools.verify == real.jobs.pools.verify);
  CHECK(pools.transfer == real.jobs.pools.transfer);
  CHECK(pools.upload == real.jobs.pools.upload);
  CHECK(pools.power == real.jobs.pools.power);
  CHECK(pools.kill == real.jobs.pools.kill);
  CHECK(pools.install == real.jobs.pools.install);
  CHECK(pools.pull == real.jobs.pools.pull);
  CHECK(pools.pull >= pools.power + pools.install); // each comes by there
  CHECK(shown.jobs.boot_starts == real.jobs.boot_starts);
  CHECK(shown.jobs.install_deadline == real.jobs.install_deadline);
  CHECK(shown.jobs.install_silence == real.jobs.install_silence);
  CHECK(shown.jobs.retention_succeeded == real.jobs.retention_succeeded);
  CHECK(shown.jobs.retention_failed == real.jobs.retention_failed);
  CHECK(shown.jobs.stop_grace == real.jobs.stop_grace);
  CHECK(shown.log.format == real.log.format);
  CHECK(shown.alerts.page_url == real.alerts.page_url);
  CHECK(shown.alerts.backup_hours == real.alerts.backup_hours);
}

} // namespace alula::app
