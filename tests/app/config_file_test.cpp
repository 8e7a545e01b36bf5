#include "app/config.hpp"
#include "app/config_file.hpp"
#include "tests/app/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

using namespace alula;
using namespace alula::app;
using Catch::Contains;

namespace {

const std::string before = R"(# by hand
token_id: old-id
token: old-token
remote: https://panel.example
api:
  host: 0.0.0.0
  port: 8080
  ssl: {enabled: true, cert: /etc/a.pem, key: /etc/a.key}
system:
  data: /srv/volumes
  root_directory: /srv
docker:
  socket: /run/docker.sock
custom: {of: another program}
)";

/// The certificates of these files are not there, and nothing else is wrong.
config parsed(const std::string& yaml) {
  const auto report = parse_config(yaml);
  for (const auto& problem : report.problems)
    if (problem.grade == config_problem::severity::error)
      CHECK_THAT(problem.key, Catch::StartsWith("api.ssl."));
  return report.value;
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

TEST_CASE("what the Panel may set is taken over", "[app]") {
  const auto after = merge_update(before, R"({
    "debug": true, "uuid": "0b7e2b7c-7b57-4f1c-8c2c-2b6c5a1d9e10",
    "token_id": "new-id", "token": "1234", "remote": "https:\/\/other.example",
    "api": {"host": "127.0.0.1", "port": 9090, "upload_limit": 5}})");
  REQUIRE(after);
  const auto c = parsed(*after);
  CHECK(c.debug);
  CHECK(c.uuid == "0b7e2b7c-7b57-4f1c-8c2c-2b6c5a1d9e10");
  CHECK(c.token_id == "new-id");
  CHECK(c.token == "1234"); // a text, not a number
  CHECK(c.remote == "https://other.example");
  CHECK(c.api.host == "127.0.0.1");
  CHECK(c.api.port == 9090);
  CHECK_THAT(*after, Contains("upload_limit: 5"));
}

TEST_CASE("what the Panel may not set stays", "[app]") {
  const auto after = merge_update(before, R"({
    "system": {"data": "/evil", "root_directory": "/evil",
               "username": "root", "sftp": {"bind_port": 2022}},
    "api": {"ssl": {"enabled": false, "cert": "/evil", "key": "/evil"}},
    "docker": {"socket": "/evil"}, "allowed_mounts": ["/evil"],
    "allowed_origins": ["*"], "ignore_panel_config_updates": true})");
  REQUIRE(after);
  const auto was = parsed(before);
  const auto is = parsed(*after);
  CHECK_THAT(*after, !Contains("evil"));
  CHECK(is.system.data == was.system.data);
  CHECK(is.api.ssl.cert == "/etc/a.pem");
  CHECK(is.api.ssl.enabled);
  CHECK(is.allowed_origins.empty());
  CHECK_FALSE(is.ignore_panel_config_updates);
  CHECK(is.token == "old-token");
}

TEST_CASE("keys that alula does not know stay in the file", "[app]") {
  const auto after = merge_update(before, R"({"debug":true})");
  REQUIRE(after);
  CHECK_THAT(*after, Contains("another program"));
}

TEST_CASE("an update that makes no sense changes nothing", "[app]") {
  for (const auto* body :
       {"", "[]", "7", "{", R"({"debug":"yes"})", R"({"token":7})",
        R"({"api":{"port":"8080"}})", R"({"api":{"port":99999}})",
        R"({"remote":"ftp://x"})", R"({"token":""})"}) {
    INFO(body);
    const auto after = merge_update(before, body);
    REQUIRE_FALSE(after);
    CHECK(after.error().code == jobs::fault_code::malformed);
  }
  CHECK(merge_update(before, R"({"api":[],"token":null})"));
  CHECK_FALSE(merge_update("a: [", "{}"));
}

TEST_CASE("an empty file takes an update", "[app]") {
  const auto after = merge_update("", R"({"token":"t","debug":true})");
  REQUIRE(after);
  CHECK(parsed(*after).debug);
}

TEST_CASE("a new file says what the Panel says", "[app]") {
  const auto text = new_config(R"({
    "debug": false, "uuid": "0b7e2b7c-7b57-4f1c-8c2c-2b6c5a1d9e10",
    "token_id": "AbCdEfGhIjKlMnOp", "token": "s3cret",
    "api": {"host": "0.0.0.0", "port": 8080,
            "ssl": {"enabled": true, "cert": "\/etc\/c.pem",
                    "key": "\/etc\/k.pem"}, "upload_limit": 100},
    "system": {"data": "\/var\/lib\/pterodactyl\/volumes",
               "sftp": {"bind_port": 2022}},
    "allowed_mounts": ["\/srv\/maps"], "remote": "https:\/\/panel.example"})");
  REQUIRE(text);
  const auto c = parsed(*text);
  CHECK(c.token == "s3cret");
  CHECK(c.remote == "https://panel.example");
  CHECK(c.api.ssl.cert == "/etc/c.pem");
  CHECK(c.system.data == "/var/lib/pterodactyl/volumes");
  CHECK_THAT(*text, Contains("/srv/maps"));
}

TEST_CASE("an answer without credentials makes no file", "[app]") {
  for (const auto* body :
       {"<html>", "{}", R"({"token_id":"a","token":"b"})",
        R"({"token_id":"a","token":"","remote":"https://p"})",
        R"({"token_id":"a","token":"b","remote":"nonsense"})"})
    CHECK_FALSE(new_config(body));
}

TEST_CASE("a file is replaced whole and is for its owner only", "[app]") {
  tests::temporary_directory dir;
  const auto file = dir.path() / "deep" / "config.yml";
  REQUIRE(write_config(file, "debug: true\n"));
  CHECK(read_file(file) == "debug: true\n");
  struct stat now {};
  REQUIRE(stat(file.c_str(), &now) == 0);
  CHECK((now.st_mode & 0777) == 0600);
  REQUIRE(write_config(file, "debug: false\n"));
  CHECK(read_file(file) == "debug: false\n");
  const auto names = std::distance(
      std::filesystem::directory_iterator{file.parent_path()}, {});
  CHECK(names == 1);
}

TEST_CASE("a link to a file stays a link", "[app]") {
  tests::temporary_directory dir;
  const auto file = dir.path() / "real.yml";
  const auto link = dir.path() / "config.yml";
  REQUIRE(write_config(file, "a: 1\n"));
  std::filesystem::create_symlink(file, link);
  REQUIRE(write_config(link, "a: 2\n"));
  CHECK(std::filesystem::is_symlink(link));
  CHECK(read_file(file) == "a: 2\n");
}

TEST_CASE("a file that cannot be written says why", "[app]") {
  tests::temporary_directory dir;
  std::ofstream{dir.path() / "plain"} << "x";
  CHECK_FALSE(write_config(dir.path() / "plain" / "config.yml", "a: 1\n"));
}

TEST_CASE("a file that cannot be read is not taken for an empty one", "[app]") {
  const alula::tests::temporary_directory dir;
  const auto file = dir.path() / "config.yml";
  const auto gone = read_config(file);
  REQUIRE_FALSE(gone);
  CHECK_THAT(gone.error().where, Contains(file.string()));
  CHECK_FALSE(read_config(dir.path())); // a directory
  std::ofstream{file} << before;
  CHECK(read_config(file).value() == before);
  std::ofstream{file} << std::string(1'048'577, '#');
  CHECK_FALSE(read_config(file));
}
