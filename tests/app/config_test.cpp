#include "app/panel_settings.hpp"
#include "tests/app/temporary_directory.hpp"
#include "tests/doubles/places.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace {

using namespace alula::app;
using namespace std::chrono_literals;
using severity = config_problem::severity;
using Catch::Contains;

/// The problems of a file whose first line is a token, so that this is not
/// one of them.
config_report read(const std::string& yaml) {
  return parse_config("token: secret\n" + yaml);
}

config_problem only_problem(const config_report& report) {
  REQUIRE(report.problems.size() == 1);
  return report.problems.front();
}

void requires_error(const std::string& yaml, int line, const std::string& key,
                    const std::string& what) {
  INFO(yaml);
  const auto report = read(yaml);
  const auto problem = only_problem(report);
  CHECK(problem.grade == severity::error);
  CHECK(problem.line == line);
  CHECK(problem.key == key);
  CHECK_THAT(problem.what, Contains(what));
  CHECK_FALSE(report.is_usable());
}

} // namespace

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

TEST_CASE("an unknown key is a warning with its line", "[app]") {
  SECTION("at the top, with a guess") {
    const auto problem = only_problem(read("\ndebugg: true\n"));
    CHECK(problem.grade == severity::warning);
    CHECK(problem.line == 3);
    CHECK(problem.key == "debugg");
    CHECK_THAT(problem.what, Contains("did you mean debug?"));
  }
  SECTION("deep inside, and without a guess when nothing is near") {
    const auto report = read("api:\n  ssl:\n    letsencrypt: {a: [1, 2]}\n");
    const auto problem = only_problem(report);
    CHECK(problem.line == 4);
    CHECK(problem.key == "api.ssl.letsencrypt");
    CHECK(problem.what == "unknown key");
    CHECK(report.is_usable());
  }
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

TEST_CASE("a wrong value is an error with line, key and what is allowed",
          "[app]") {
  requires_error("api:\n  port: eighty\n", 3, "api.port",
                 R"("eighty" is not a whole number from 0 to 65535)");
  requires_error("api:\n  port: 65536\n", 3, "api.port", "0 to 65535");
  requires_error("api:\n  port: -1\n", 3, "api.port", "0 to 65535");
  requires_error("api:\n  port: 80.5\n", 3, "api.port", "whole number");
  requires_error("api:\n  port: \"8080\"\n", 3, "api.port", "quotes");
  requires_error("api:\n  upload_limit: 99999999999999999999\n", 3,
                 "api.upload_limit", "whole number, 0 or more");
  requires_error("debug: maybe\n", 2, "debug", "true or false");
  requires_error("debug: \"true\"\n", 2, "debug", "quotes");
  requires_error("docker:\n  overhead:\n    default_multiplier: much\n", 4,
                 "docker.overhead.default_multiplier", "a number");
  requires_error("docker:\n  overhead:\n    multipliers:\n      2048: nan\n", 5,
                 "docker.overhead.multipliers.2048", "a number");
  const std::string store = "stores:\n  far:\n    endpoint: https://s3.test\n"
                            "    bucket: b\n    part_size: ";
  for (const auto* size : {"4.9", "5121", "1e300", "-1"})
    requires_error(store + size + "\n", 6, "stores.far.part_size",
                   "a number from 5 to 5120");
  requires_error("system:\n  backups:\n    write_limit: 9223372036854775807\n",
                 4, "system.backups.write_limit",
                 "a whole number, 1000000000 at most");
  for (const auto* key : {"s3_upload_limit", "s3_download_limit", "read_limit"})
    requires_error("system:\n  backups:\n    " + std::string{key}
                       + ": 8796093022208\n",
                   4, "system.backups." + std::string{key}, "0 to 1000000");
  requires_error("api:\n  sync_wait: 5 minutes\n", 3, "api.sync_wait",
                 "from 0d to 10m");
  requires_error("api:\n  sync_wait: 11m\n", 3, "api.sync_wait", "10m");
  requires_error("remote: panel.example.com\n", 2, "remote", "https://");
  requires_error("system:\n  data: \"\"\n", 3, "system.data", "a path");
  requires_error("docker:\n  socket: tcp://10.0.0.1:2375\n", 3, "docker.socket",
                 "unix socket");
  requires_error("docker:\n  socket: docker.sock\n", 3, "docker.socket",
                 "absolute path");
  requires_error("system:\n  user:\n    uid: 4294967295\n", 4,
                 "system.user.uid", "4294967294");
}

TEST_CASE("a wrong shape is an error", "[app]") {
  requires_error("api: 8080\n", 2, "api", "must be a section");
  requires_error("api: [8080]\n", 2, "api", "must be a section");
  requires_error("debug: {a: 1}\n", 2, "debug", "is a section, not true");
  requires_error("debug: [true]\n", 2, "debug", "is a list, not true");
  requires_error("allowed_origins: https://a.example\n", 2, "allowed_origins",
                 "a list of texts");
  requires_error("allowed_origins:\n  - a: b\n", 3, "allowed_origins",
                 "not text");
  requires_error("api:\n  trusted_proxies: [10.0.0.0/8, 10.0.0.0/33]\n", 3,
                 "api.trusted_proxies", "\"10.0.0.0/33\"");
  requires_error("api:\n  trusted_proxies: [localhost]\n", 3,
                 "api.trusted_proxies", "IP address");
  requires_error("? [a, b]\n: c\n", 2, "", "plain text");
  requires_error("<<: {debug: true}\n", 2, "<<", "merge keys");
}

TEST_CASE("all problems are told at once, in the order of the file", "[app]") {
  const auto report = parse_config("debug: maybe\n"
                                   "colour: blue\n"
                                   "api:\n"
                                   "  port: x\n"
                                   "token: \"\"\n"
                                   "remote: ftp://x\n");
  std::vector<int> lines;
  for (const auto& problem : report.problems)
    lines.push_back(problem.line);
  CHECK(lines == std::vector<int>{1, 2, 4, 5, 6});
}

TEST_CASE("what is not YAML is one error with its line", "[app]") {
  SECTION("broken syntax") {
    const auto problem =
        only_problem(parse_config("token: a\napi:\n  host: [b\nport: 1\n"));
    CHECK(problem.line >= 3);
    CHECK_THAT(problem.what, Contains("not YAML"));
  }
  SECTION("a list") {
    CHECK_THAT(only_problem(parse_config("- token\n")).what,
               Contains("must be a YAML map"));
  }
  SECTION("ten thousand brackets") {
    const auto report = parse_config(std::string(10'000, '['));
    CHECK_FALSE(report.is_usable());
  }
  SECTION("an empty file lacks a token") {
    CHECK(only_problem(parse_config("")).key == "token");
  }
  SECTION("one that says where the token is does not") {
    const auto report = parse_config("token_file: /srv/token\n");
    CHECK(report.problems.empty());
    CHECK(report.value.token_file == "/srv/token");
  }
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

TEST_CASE("a key that stands twice counts the second time", "[app]") {
  const auto report = read("debug: true\ndebug: false\n");
  CHECK(only_problem(report).grade == severity::warning);
  CHECK_THAT(only_problem(report).what, Contains("line 2"));
  CHECK_FALSE(report.value.debug);
}

TEST_CASE("a word Wings would take as its default is a warning", "[app]") {
  const auto problem =
      only_problem(read("system:\n  backups:\n    compression_level: nine\n"));
  CHECK(problem.grade == severity::warning);
  CHECK_THAT(problem.what, Contains("taken as best_speed"));
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

TEST_CASE("a Panel URL that ends in a slash is a warning", "[app]") {
  const auto report = read("remote: https://panel.example.com/\n");
  CHECK(only_problem(report).grade == severity::warning);
  CHECK(report.value.remote == "https://panel.example.com/");
}

TEST_CASE("a rotation beside a Panel is a warning with its line", "[app]") {
  const std::string panel = "remote: https://panel.example.com\n";
  const std::string backups = "system:\n  backups:\n";
  const std::string daily = "    rotate_hours: 24\n";
  const std::string rule = "    rotation: {keep_last: 7}\n";
  const auto problem = only_problem(read(panel + backups + daily + rule));
  CHECK(problem.grade == severity::warning);
  CHECK(problem.key == "system.backups.rotate_hours");
  CHECK(problem.line == 5);
  CHECK_THAT(problem.what, Contains("its list keeps these backups"));
  // Alone, or with nothing to do.
  CHECK(read(backups + daily + rule).problems.empty());
  CHECK(read(panel + backups + daily).problems.empty());
  CHECK(read(panel + backups + rule).problems.empty());
}

TEST_CASE("a number of Wings that does nothing here is said to", "[app]") {
  CHECK(read("system:\n  activity_send_interval: 60\n").problems.empty());
  const auto report = read("system:\n  activity_send_interval: 5\n");
  CHECK(only_problem(report).grade == severity::warning);
  CHECK(only_problem(report).key == "system.activity_send_interval");
  CHECK_THAT(only_problem(report).what, Contains("at once"));
  CHECK(only_problem(read("system:\n  activity_send_count: 10\n")).grade
        == severity::warning);
  CHECK(only_problem(read("system:\n  activity_send_count: few\n")).grade
        == severity::error);
}

TEST_CASE("empty maps as PHP writes them are let through", "[app]") {
  CHECK(read("docker:\n  registries: []\n").problems.empty());
}

TEST_CASE("TLS without readable files is an error at their lines", "[app]") {
  const auto report = read("api:\n"
                           "  ssl:\n"
                           "    enabled: true\n"
                           "    cert: /nowhere/cert.pem\n");
  REQUIRE(report.problems.size() == 2);
  CHECK(report.problems[0].key == "api.ssl.key");
  CHECK(report.problems[1].key == "api.ssl.cert");
  CHECK(report.problems[1].line == 5);
  CHECK_THAT(report.problems[1].what, Contains("No such file"));
}

TEST_CASE("a file that cannot be read is an error about the file", "[app]") {
  alula::tests::temporary_directory dir;
  SECTION("missing") {
    const auto report = load_config(dir.path() / "config.yml");
    CHECK_THAT(describe("config.yml", only_problem(report)),
               Contains("config.yml: error: cannot be read: No such file"));
  }
  SECTION("a directory") {
    CHECK_FALSE(load_config(dir.path()).is_usable());
  }
  SECTION("too large") {
    std::ofstream{dir.path() / "config.yml"} << std::string(1'048'577, '#');
    CHECK_THAT(only_problem(load_config(dir.path() / "config.yml")).what,
               Contains("1 MiB"));
  }
}

TEST_CASE("copies go to a store that there is", "[app]") {
  const std::string copies = "system:\n  backups: {copy_to: offsite}\n";
  requires_error(copies, 3, "system.backups.copy_to", "names no store");
  const auto report = read(
      copies + "stores: {offsite: {endpoint: 'https://s3.test', bucket: b}}\n");
  CHECK(report.is_usable());
  CHECK(report.value.system.backups.copy_to == "offsite");
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
