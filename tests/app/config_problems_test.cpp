#include "tests/app/short_config.hpp"
#include "tests/app/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace alula::app;
using severity = config_problem::severity;
using Catch::Contains;

namespace {

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

TEST_CASE("the file of the token is named from the root on", "[app]") {
  const auto report = parse_config("debug: false\ntoken_file: keys/token\n");
  const auto problem = only_problem(report);
  CHECK(describe("config.yml", problem)
        == "config.yml:2: error: token_file: \"keys/token\" is not an absolute "
           "path");
  CHECK_FALSE(report.is_usable());
  CHECK(report.value.token_file.empty());
  CHECK(only_problem(parse_config("token_file: \"\"\n")).key == "token_file");
}

TEST_CASE("a token that is not only its owner's, or cannot be read, is said of "
          "its file",
          "[app]") {
  const alula::tests::temporary_directory dir;
  const auto file = dir.path() / "token";
  const auto report = parse_config("\ntoken_file: " + file.string() + "\n");
  REQUIRE(report.is_usable());
  // A start makes it.
  CHECK_FALSE(problem_of_token_file(report));

  std::ofstream{file} << "secret\n";
  using std::filesystem::perms;
  permissions(file, perms::owner_read | perms::owner_write);
  CHECK_FALSE(problem_of_token_file(report));
  permissions(file, perms::others_read, std::filesystem::perm_options::add);
  const auto open = problem_of_token_file(report);
  REQUIRE(open);
  CHECK(open->grade == severity::warning);
  CHECK(open->line == 2);
  CHECK(open->key == "token_file");
  CHECK_THAT(open->what, Contains(file.string()) && Contains("mode is 0604"));
  // Nobody reads it when the config has the token itself.
  auto with_token = report;
  with_token.value.token = "another";
  CHECK_FALSE(problem_of_token_file(with_token));

  const auto says = [&](const config_report& of, const std::string& what) {
    const auto problem = problem_of_token_file(of);
    REQUIRE(problem);
    CHECK(problem->grade == severity::error);
    CHECK(problem->line == of.lines.find("token_file")->second);
    CHECK(problem->what == what);
  };
  std::ofstream{file} << "\n";
  says(report, file.string() + " holds no token");
  const auto below = file.string() + "/token";
  says(parse_config("token_file: " + below + "\n"),
       "cannot read " + below + ": Not a directory");
  says(parse_config("token_file: " + dir.path().string() + "\n"),
       dir.path().string() + " is not a file");
}
