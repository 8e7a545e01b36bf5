// The binary as an operator has it: one process, loopback, a directory.
#include "tests/app/certificate.hpp"
#include "tests/app/client.hpp"
#include "tests/app/program.hpp"
#include "tests/app/temporary_directory.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <sys/stat.h>

namespace {

using namespace alula::tests;
using alula::remote::scripted_dockerd;
using Catch::Contains;
using json = nlohmann::json;

const std::string uuid = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// A directory with a config.yml in it, and daemons started on that.
struct node_directory {
  temporary_directory dir;
  std::string token = "a-token-for-tests";
  std::string api;   ///< more lines of that section
  std::string extra; ///< more lines at the top level
  std::string docker_at = "/nowhere/docker.sock";

  std::filesystem::path file() const { return dir.path() / "config.yml"; }
  std::filesystem::path volume() const { return dir.path() / "volumes" / uuid; }

  void write_config() const {
    const auto root = dir.path().string();
    std::ofstream{file()} << "token: " << token << "\napi:\n  host: 127.0.0.1\n"
                          << "  port: 0\n"
                          << api << "system:\n  root_directory: " << root
                          << "\n  data: " << root << "/volumes\n"
                          << "docker:\n  socket: " << docker_at << "\n"
                          << extra;
  }

  std::unique_ptr<program> start() const {
    write_config();
    return std::make_unique<program>(
        std::vector<std::string>{"serve", "--config", file().string()});
  }

  void fill_volume(int files) const {
    std::filesystem::create_directories(volume() / "world");
    for (int i = 0; i < files; ++i)
      std::ofstream{volume() / "world" / std::to_string(i)} << i;
  }

  std::size_t trash_size() const {
    const auto trash = dir.path() / ".trash";
    if (!std::filesystem::exists(trash))
      return 0;
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator{trash}, {}));
  }
};

/// A dockerd that has no containers at all.
void have_no_containers(scripted_dockerd& dockerd) {
  dockerd.on("GET /v1.41/containers/",
             {scripted_dockerd::says(404, "No such container: x")});
  dockerd.on("DELETE /v1.41/containers/",
             {scripted_dockerd::says(404, "No such container: x")});
  dockerd.on("GET /v1.41/containers/json",
             {scripted_dockerd::answers(200, "[]")});
}

answer register_server(const client& node) {
  return node.send("POST", "/api/servers",
                   json{{"uuid", uuid},
                        {"start_on_completion", false},
                        {"settings", {{"uuid", uuid}}},
                        {"process_configuration", json::object()}}
                       .dump());
}

/// The job's last view; null when it does not end.
json wait_for_end(const client& node, const std::string& job) {
  for (int i = 0; i < 20; ++i) {
    const auto seen = node.get(job + "?wait=10s");
    if (seen.status != 200)
      return {};
    auto parsed = json::parse(seen.body);
    if (parsed.value("done", false))
      return parsed;
  }
  return {};
}

} // namespace

TEST_CASE("a first start without a config prints its token once", "[app]") {
  temporary_directory dir;
  const auto data = (dir.path() / "data").string();
  const auto start = [&] {
    return program{{"serve", "--data", data, "--port", "0"}};
  };
  std::string token;
  {
    auto first = start();
    REQUIRE(first.port() != 0);
    const auto line = first.line_with("the token of this node");
    REQUIRE(line);
    token = line->substr(line->rfind(' ') + 1);
    CHECK(read_file(data + "/token") == token + "\n");
    CHECK_THAT(*first.line_with("listening on"), Contains("127.0.0.1"));
    const client node{first.port(), token};
    CHECK(node.get("/api/servers").status == 200);
    CHECK(client(first.port(), "wrong").get("/api/servers").status == 401);
    CHECK(client(first.port(), "").get("/healthz").status == 200);
    CHECK(client(first.port(), "").get("/readyz").status == 200);
    first.send(SIGTERM);
    CHECK(first.end() == 0);
  }
  auto second = start();
  REQUIRE(second.port() != 0);
  CHECK(client(second.port(), token).get("/api/servers").status == 200);
  second.send(SIGINT);
  CHECK(second.end() == 0);
  CHECK_THAT(second.all_output(), !Contains(token));
}

TEST_CASE("the log holds no secret", "[app]") {
  node_directory here;
  here.extra = "debug: true\n";
  const auto alula = here.start();
  REQUIRE(alula->port() != 0);
  const client node{alula->port(), here.token};
  CHECK(node.get("/api/servers").status == 200);
  alula->send(SIGTERM);
  CHECK(alula->end() == 0);
  CHECK_THAT(alula->all_output(), !Contains(here.token));
}

TEST_CASE("a server is registered, deleted and gone after a restart", "[app]") {
  scripted_dockerd dockerd;
  have_no_containers(dockerd);
  node_directory here;
  here.docker_at = dockerd.socket();
  here.fill_volume(50);
  std::string deletion;
  {
    const auto alula = here.start();
    REQUIRE(alula->port() != 0);
    const client node{alula->port(), here.token};

    const auto registered = register_server(node);
    INFO(registered.body);
    REQUIRE(registered.status == 202);
    CHECK(wait_for_end(node, registered.header("Location"))["state"]
          == "succeeded");
    CHECK(node.get("/api/servers/" + uuid).status == 200);

    const auto deleted = node.send("DELETE", "/api/servers/" + uuid);
    INFO(deleted.body);
    REQUIRE(deleted.status == 204);
    CHECK_FALSE(std::filesystem::exists(here.volume()));
    CHECK(node.send("DELETE", "/api/servers/" + uuid).status == 404);
    deletion = deleted.header("Location");
    const auto end = wait_for_end(node, deletion);
    CHECK(end["state"] == "succeeded");
    CHECK(here.trash_size() == 0);

    alula->send(SIGTERM);
    CHECK(alula->end() == 0);
  }
  const auto again = here.start();
  REQUIRE(again->port() != 0);
  const client node{again->port(), here.token};
  CHECK(node.get("/api/servers/" + uuid).status == 404);
  const auto seen = node.get(deletion);
  REQUIRE(seen.status == 200);
  CHECK(json::parse(seen.body)["state"] == "succeeded");
}

TEST_CASE("the deny list of the websockets can be reached", "[app]") {
  node_directory here;
  const auto alula = here.start();
  REQUIRE(alula->port() != 0);
  const client node{alula->port(), here.token};
  const auto deny = "/api/servers/" + uuid + "/ws/deny";
  const std::string body = R"({"jtis":["some-token"]})";
  CHECK(node.send("POST", deny, body).status == 404);
  const auto registered = register_server(node);
  REQUIRE(wait_for_end(node, registered.header("Location"))["state"]
          == "succeeded");
  CHECK(node.send("POST", deny, body).status == 204);
  CHECK(client(alula->port(), "").send("POST", deny, body).status == 401);
}

TEST_CASE("a delete that kill -9 cut is finished by the next start", "[app]") {
  const std::string look = "GET /v1.41/containers/" + uuid;
  scripted_dockerd dockerd;
  have_no_containers(dockerd);
  node_directory here;
  here.docker_at = dockerd.socket();
  here.api = "  sync_wait: 0\n";
  here.fill_volume(50);
  std::string deletion;
  {
    const auto alula = here.start();
    REQUIRE(alula->port() != 0);
    const client node{alula->port(), here.token};
    const auto registered = register_server(node);
    REQUIRE(wait_for_end(node, registered.header("Location"))["state"]
            == "succeeded");
    dockerd.on(look, {scripted_dockerd::hangs()});
    const auto looks = dockerd.count(look);
    const auto deleted = node.send("DELETE", "/api/servers/" + uuid);
    REQUIRE(deleted.status == 202);
    deletion = deleted.header("Location");
    REQUIRE(dockerd.saw(look, looks + 1));
    alula->send(SIGKILL);
    CHECK(alula->end() == -SIGKILL);
  }
  dockerd.on(look, {scripted_dockerd::says(404, "No such container: x")});
  const auto again = here.start();
  REQUIRE(again->port() != 0);
  const client node{again->port(), here.token};
  CHECK(wait_for_end(node, deletion)["state"] == "succeeded");
  CHECK_FALSE(std::filesystem::exists(here.volume()));
  CHECK(here.trash_size() == 0);
}

TEST_CASE("without Docker a node serves, and a delete waits with a reason",
          "[app]") {
  node_directory here;
  here.api = "  sync_wait: 1\n";
  here.fill_volume(3);
  const auto alula = here.start();
  REQUIRE(alula->port() != 0);
  CHECK(alula->line_with("docker-absent"));
  const client node{alula->port(), here.token};
  const auto registered = register_server(node);
  REQUIRE(wait_for_end(node, registered.header("Location"))["state"]
          == "succeeded");
  const auto deleted = node.send("DELETE", "/api/servers/" + uuid);
  REQUIRE(deleted.status == 202);
  const auto job = json::parse(node.get(deleted.header("Location")).body);
  CHECK(job["reason"] == "DockerUnavailable");
  CHECK(std::filesystem::exists(here.volume()));
}

TEST_CASE("SIGTERM answers who waits, costs the job nothing, and leaves clean",
          "[app]") {
  const std::string look = "GET /v1.41/containers/" + uuid;
  scripted_dockerd dockerd;
  have_no_containers(dockerd);
  node_directory here;
  here.docker_at = dockerd.socket();
  here.api = "  sync_wait: 60\n";
  here.fill_volume(3);
  std::string deletion;
  {
    const auto alula = here.start();
    REQUIRE(alula->port() != 0);
    const client node{alula->port(), here.token};
    const auto registered = register_server(node);
    REQUIRE(wait_for_end(node, registered.header("Location"))["state"]
            == "succeeded");
    dockerd.on(look, {scripted_dockerd::hangs()});
    const auto looks = dockerd.count(look);

    const connection waiting{alula->port()};
    waiting.send(node.request("DELETE", "/api/servers/" + uuid));
    REQUIRE(dockerd.saw(look, looks + 1));
    alula->send(SIGTERM);
    const auto answered = parse_answer(waiting.receive());
    CHECK(answered.status == 202);
    deletion = answered.header("Location");
    CHECK(alula->end() == 0);
    CHECK(alula->line_with("stopped"));
    CHECK(node.get("/healthz").status == 0);
  }
  have_no_containers(dockerd);
  dockerd.on(look, {scripted_dockerd::says(404, "No such container: x")});
  const auto again = here.start();
  REQUIRE(again->port() != 0);
  const auto job = wait_for_end({again->port(), here.token}, deletion);
  CHECK(job["state"] == "succeeded");
  CHECK(job["crashes"] == 0);
  CHECK(job["attempt"] == 0);
}

TEST_CASE("SIGHUP takes a new certificate and a new token", "[app]") {
  node_directory here;
  write_certificate(here.dir.path(), "first.example");
  const auto files = here.dir.path().string();
  here.api = "  ssl:\n    enabled: true\n    cert: " + files
             + "/cert.pem\n    key: " + files + "/key.pem\n";
  const auto alula = here.start();
  const auto port = alula->port();
  REQUIRE(port != 0);
  CHECK(certificate_name(port) == "first.example");

  write_certificate(here.dir.path(), "second.example");
  CHECK(certificate_name(port) == "first.example");
  alula->send(SIGHUP);
  REQUIRE(alula->line_with(" reloaded "));
  CHECK(certificate_name(port) == "second.example");

  SECTION("and keeps the old one when the new one is broken") {
    std::ofstream{here.dir.path() / "cert.pem"} << "nonsense";
    alula->send(SIGHUP);
    REQUIRE(alula->line_with("reload-failed"));
    CHECK(certificate_name(port) == "second.example");
  }
  SECTION("and keeps everything when the file is broken") {
    std::ofstream{here.file()} << "token: [\n";
    alula->send(SIGHUP);
    REQUIRE(alula->line_with("reload-refused"));
    CHECK(certificate_name(port) == "second.example");
  }
}

TEST_CASE("SIGHUP replaces the bearer, and says what needs a restart",
          "[app]") {
  node_directory here;
  const auto alula = here.start();
  const auto port = alula->port();
  REQUIRE(port != 0);
  here.token = "another-token";
  here.extra = "remote: https://panel.example.com\n";
  here.api = "  ssl: {cert: /elsewhere.pem}\n";
  here.write_config();
  alula->send(SIGHUP);
  REQUIRE(alula->line_with(" reloaded "));
  CHECK(client(port, "a-token-for-tests").get("/api/servers").status == 401);
  CHECK(client(port, "another-token").get("/api/servers").status == 200);
  const auto warned = alula->line_with("restart-needed");
  REQUIRE(warned);
  CHECK_THAT(*warned, Contains("api.ssl.cert"));
}

TEST_CASE("a second alula on one directory is refused with a sentence",
          "[app]") {
  node_directory here;
  const auto first = here.start();
  REQUIRE(first->port() != 0);
  const auto second = here.start();
  CHECK(second->end() == 1);
  CHECK_THAT(second->all_output(), Contains("alula:"));
  CHECK(client(first->port(), "").get("/healthz").status == 200);
}

TEST_CASE("a port that is taken is refused with its number", "[app]") {
  node_directory here;
  node_directory there;
  const auto first = here.start();
  const auto port = std::to_string(first->port());
  REQUIRE(port != "0");
  there.write_config();
  program second{{"serve", "--config", there.file().string(), "--port", port}};
  CHECK(second.end() == 1);
  CHECK_THAT(second.all_output(), Contains("Cannot listen on 127.0.0.1:" + port)
                                      && Contains("--port"));
}

TEST_CASE("a config with errors stops the start with 78 and all of them",
          "[app]") {
  node_directory here;
  here.api = "  sync_wait: soon\n";
  here.extra = "debug: perhaps\n";
  const auto alula = here.start();
  CHECK(alula->end() == 78);
  CHECK_THAT(alula->all_output(), Contains("config.yml:5: error: api.sync_wait")
                                      && Contains("error: debug"));
}

TEST_CASE("check-config says all and leaves with 0 or 1", "[app]") {
  temporary_directory dir;
  const auto file = (dir.path() / "config.yml").string();
  SECTION("a file with a warning is usable") {
    std::ofstream{file} << "token: a\ncolour: blue\n";
    program check{{"check-config", file}};
    CHECK(check.end() == 0);
    CHECK_THAT(check.all_output(),
               Contains(file + ":2: warning: colour: unknown key")
                   && Contains("0 errors, 1 warnings"));
  }
  SECTION("one with an error is not") {
    std::ofstream{file} << "debug: blue\n";
    program check{{"check-config", file}};
    CHECK(check.end() == 1);
    CHECK_THAT(check.all_output(), Contains("2 errors, 0 warnings"));
  }
  SECTION("one that is missing is not") {
    program check{{"check-config", file}};
    CHECK(check.end() == 1);
    CHECK_THAT(check.all_output(), Contains("No such file"));
  }
}

TEST_CASE("version says one line", "[app]") {
  program version{{"version"}};
  CHECK(version.end() == 0);
  CHECK_THAT(version.all_output(), Catch::Matches("alula [0-9.]+\n"));
}
