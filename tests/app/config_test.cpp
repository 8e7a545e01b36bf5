#include "app/panel_settings.hpp"
#include "tests/app/short_config.hpp"
#include "tests/app/temporary_directory.hpp"
#include "tests/doubles/places.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

using namespace alula::app;
using namespace std::chrono_literals;
using Catch::Contains;

TEST_CASE("a full Wings config is read without a word", "[app]") {
  const auto report = load_config(std::string{alula::doubles::places::tests_app}
                                  + "/wings_defaults.yml");
  for (const auto& problem : report.problems)
    UNSCOPED_INFO(describe("wings_defaults.yml", problem));
  REQUIRE(report.problems.empty());

  const auto& c = report.value;
  CHECK(c.uuid == "5c2c3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");
  CHECK(c.token_id == "abcdefghijklmnop");
  CHECK(c.token.size() == 64);
  CHECK(c.remote == "https://panel.example.com");
  CHECK(c.system.data == "/var/lib/pterodactyl/volumes");
  CHECK(c.system.user.uid == 988);
}

TEST_CASE("a file with a token alone has the defaults of Wings", "[app]") {
  const auto report = parse_config("token: secret\n");
  REQUIRE(report.problems.empty());
  const auto& c = report.value;
  CHECK(c.api.host == "0.0.0.0");
  CHECK(c.api.port == 8080);
  CHECK(c.api.websocket.max_total == 10'000);
  CHECK_FALSE(c.api.ssl.enabled);
  CHECK(c.system.root_directory == "/var/lib/pterodactyl");
  CHECK(c.system.data == "/var/lib/pterodactyl/volumes");
  CHECK(c.system.username == "pterodactyl");
  CHECK(c.system.undelete_hours == 0);
  CHECK(c.api.sync_wait == 10s);
  CHECK(c.remote.empty());
}

TEST_CASE("alula's own keys are read", "[app]") {
  const auto report = read("api:\n"
                           "  sync_wait: 0\n"
                           "  body_limit: 2048\n"
                           "  max_connections: 77\n"
                           "  websocket:\n"
                           "    ping_interval: 1500ms\n"
                           "    max_per_server: 3\n"
                           "system:\n"
                           "  trash_directory: /srv/trash\n"
                           "  ledger_directory: /srv/ledger\n"
                           "  undelete_hours: 72\n"
                           "jobs:\n"
                           "  pools: {lifecycle: 2, purge: 3}\n"
                           "  retention_succeeded: 7d\n"
                           "  retention_failed: 24h\n"
                           "docker:\n"
                           "  socket: /run/other.sock\n"
                           "  deadlines:\n"
                           "    inspect: 5\n");
  REQUIRE(report.problems.empty());
  const auto& c = report.value;
  CHECK(c.api.sync_wait == 0s);
  CHECK(c.api.body_limit == 2'048);
  CHECK(c.api.max_connections == 77);
  CHECK(c.api.websocket.ping_interval == 1'500ms);
  CHECK(c.api.websocket.max_per_server == 3);
  CHECK(c.system.trash_directory == "/srv/trash");
  CHECK(c.system.ledger_directory == "/srv/ledger");
  CHECK(c.system.undelete_hours == 72);
  CHECK(c.jobs.pools.lifecycle == 2);
  CHECK(c.jobs.pools.purge == 3);
  CHECK(c.jobs.retention_succeeded == 24h * 7);
  CHECK(c.jobs.retention_failed == 24h);
  CHECK(c.docker.socket == "/run/other.sock");
  CHECK(c.docker.deadlines.inspect == 5s);
}

TEST_CASE("what Wings says about running servers is read", "[app]") {
  const auto report = read("app_name: Mine\n"
                           "allowed_mounts: [/srv/maps]\n"
                           "throttles: {lines: 9, line_reset_interval: 50}\n"
                           "system:\n"
                           "  log_directory: /var/log/x\n"
                           "  disk_check_interval: 0\n"
                           "  check_permissions_on_boot: false\n"
                           "  crash_detection: {enabled: false, timeout: 5}\n"
                           "docker:\n"
                           "  network:\n"
                           "    dns: [9.9.9.9]\n"
                           "    interfaces: {v4: {subnet: 10.1.0.0/16}}\n"
                           "  registries:\n"
                           "    ghcr.io: {username: a, password: b}\n"
                           "  installer_limits: {memory: 0}\n"
                           "  overhead:\n"
                           "    override: true\n"
                           "    multipliers: {2048: 1.5}\n"
                           "  log_config: {config: {max-size: 9m}}\n"
                           "jobs: {install_deadline: 30m, boot_starts: 2}\n");
  REQUIRE(report.problems.empty());
  const auto& c = report.value;
  CHECK(c.app_name == "Mine");
  CHECK(c.allowed_mounts == std::vector<std::string>{"/srv/maps"});
  CHECK(c.throttles.lines == 9);
  CHECK(c.system.log_directory == "/var/log/x");
  CHECK(c.system.disk_check_interval == 0);
  CHECK_FALSE(c.system.check_permissions_on_boot);
  CHECK_FALSE(c.system.crash_detection.enabled);
  CHECK(c.system.crash_detection.timeout == 5);
  CHECK(c.docker.network.dns == std::vector<std::string>{"9.9.9.9"});
  CHECK(c.docker.network.v4.subnet == "10.1.0.0/16");
  CHECK(c.docker.registries.username.at("ghcr.io") == "a");
  CHECK(c.docker.registries.password.at("ghcr.io") == "b");
  CHECK(c.docker.installer_limits.memory == 0);
  CHECK(c.docker.overhead.multipliers.at("2048") == 1.5);
  CHECK(c.docker.log_config.config.at("max-size") == "9m");
  CHECK(c.docker.log_config.config.at("mode") == "non-blocking");
  CHECK(c.jobs.install_deadline == 30min);
  CHECK(c.jobs.boot_starts == 2);
}

TEST_CASE("a node may be given more connections than it has by default",
          "[app]") {
  const auto report = parse_config("token: secret\n"
                                   "api:\n"
                                   "  max_connections: 100000\n"
                                   "  websocket: {max_total: 75000}\n");
  REQUIRE(report.problems.empty());
  CHECK(report.value.api.max_connections == 100'000);
  CHECK(report.value.api.websocket.max_total == 75'000);
}

TEST_CASE("words of YAML 1.1 mean what they mean to Wings", "[app]") {
  CHECK(read("debug: on\n").value.debug);
  CHECK(read("debug: Yes\n").value.debug);
  CHECK(read("debug: no\n").problems.empty());
  CHECK(read("api:\n  port: 0x1F90\n").value.api.port == 8080);
  CHECK(read("api:\n  body_limit: 1_000_000\n").value.api.body_limit
        == 1'000'000);
  CHECK(read("api:\n  host: ~\n").value.api.host == "0.0.0.0");
  CHECK(read("api: null\n").problems.empty());
  CHECK(read("token_id: 0123456789\n").value.token_id == "0123456789");
}

TEST_CASE("the log is text unless objects are asked for", "[app]") {
  CHECK(read("debug: true\n").value.log.format == "text");
  CHECK(read("log:\n  format: json\n").value.log.format == "json");
  const auto report = read("log:\n  format: loud\n");
  CHECK_THAT(only_problem(report).key, Contains("log.format"));
  CHECK(report.value.log.format == "text");
}

TEST_CASE(
    "states of containers are told the Panel only where that is asked for",
    "[app]") {
  CHECK_FALSE(read("debug: true\n").value.panel.container_status);
  CHECK_FALSE(
      read("panel: {container_status: off}\n").value.panel.container_status);
  CHECK(read("panel:\n  container_status: on\n").value.panel.container_status);
  const auto report = read("panel:\n  container_status: sometimes\n");
  CHECK_THAT(only_problem(report).key, Contains("panel.container_status"));
  const std::string node = "remote: https://p.example\ntoken_id: i\n";
  CHECK_FALSE(status_settings_of(read(node).value).enabled);
  const auto asked = node + "panel: {container_status: on}\n";
  CHECK(status_settings_of(read(asked).value).enabled);
  CHECK(courier_settings_of(read(asked).value).tells_statuses);
  // Nobody is there to be told.
  CHECK_FALSE(status_settings_of(read("panel: {container_status: on}\n").value)
                  .enabled);
}

TEST_CASE("empty maps as PHP writes them are let through", "[app]") {
  CHECK(read("docker:\n  registries: []\n").problems.empty());
}

TEST_CASE("reading leaves the file as it is", "[app]") {
  alula::tests::temporary_directory dir;
  const auto file = dir.path() / "config.yml";
  std::ofstream{file} << "token: a # mine\nfuture: {x: y}\n";
  const auto before = std::filesystem::last_write_time(file);
  CHECK(load_config(file).is_usable());
  std::ifstream in{file};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  CHECK(text == "token: a # mine\nfuture: {x: y}\n");
  CHECK(std::filesystem::last_write_time(file) == before);
}
