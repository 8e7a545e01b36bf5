// What SIGTERM and SIGHUP do to the running binary.
#include "tests/app/certificate.hpp"
#include "tests/app/node_directory.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <sys/stat.h>

using namespace alula::tests;
using Catch::Contains;

namespace {

/// Nobody ever writes into its certificate: the start waits for it for ever.
void have_endless_start(node_directory& here) {
  const auto pipe = (here.dir.path() / "cert.pem").string();
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  here.api = "  ssl: {enabled: true, cert: " + pipe + ", key: " + pipe + "}\n";
}

} // namespace

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
    have_server(node);
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

TEST_CASE("SIGHUP reads the token's file again, and makes none", "[app]") {
  node_directory here;
  const auto kept = here.dir.path() / "kept";
  std::ofstream{kept} << "the-first\n";
  here.token = "\"\"\ntoken_file: " + kept.string();
  const auto alula = here.start();
  const auto port = alula->port();
  REQUIRE(port != 0);
  const auto status_for = [&](const std::string& token) {
    return client(port, token).get("/api/servers").status;
  };
  SECTION("from another place, at once") {
    const auto other = here.dir.path() / "other";
    std::ofstream{other} << "the-second\n";
    here.token = "\"\"\ntoken_file: " + other.string();
    here.write_config();
    alula->send(SIGHUP);
    REQUIRE(alula->line_with(" reloaded "));
    CHECK(status_for("the-first") == 401);
    CHECK(status_for("the-second") == 200);
    CHECK_THAT(alula->all_output(), !Contains("restart-needed"));
  }
  SECTION("which somebody has removed: its clients stay") {
    std::filesystem::remove(kept);
    alula->send(SIGHUP);
    REQUIRE(alula->line_with("reload-refused"));
    CHECK(status_for("the-first") == 200);
    CHECK_FALSE(std::filesystem::exists(kept));
  }
}

TEST_CASE("SIGTERM ends a start that does not come to its end", "[app]") {
  node_directory here;
  have_endless_start(here);
  here.extra = "jobs: {stop_grace: 200ms}\n";
  const auto alula = here.start();
  REQUIRE(alula->line_with(" starting "));
  alula->send(SIGTERM);
  CHECK(alula->end() == 0);
  CHECK(alula->line_with("start-given-up"));
  // Nothing of it stands in the way of the next one.
  here.api.clear();
  const auto again = here.start();
  CHECK(again->port() != 0);
}

TEST_CASE("a second SIGTERM ends a start at once", "[app]") {
  node_directory here;
  have_endless_start(here);
  here.extra = "jobs: {stop_grace: 10m}\n";
  const auto alula = here.start();
  REQUIRE(alula->line_with(" starting "));
  alula->send(SIGTERM);
  REQUIRE(alula->line_with("stopping"));
  alula->send(SIGTERM);
  CHECK(alula->end() == 1);
}

TEST_CASE("SIGHUP takes new origins and names every key it cannot take",
          "[app]") {
  node_directory here;
  here.extra = "remote: https://panel.example.com\n";
  const auto alula = here.start();
  const auto port = alula->port();
  REQUIRE(port != 0);
  const client node{port, here.token};
  const auto origin_for = [&](const std::string& origin) {
    return node.send("GET", "/api/servers", {}, "Origin: " + origin + "\r\n")
        .header("Access-Control-Allow-Origin");
  };
  CHECK(origin_for("https://new.example.com") == "https://panel.example.com");

  here.api = "  sync_wait: 3\n  websocket: {ping_interval: 20}\n";
  here.extra = "remote: https://other.example.com\ndebug: true\n"
               "allowed_origins: ['https://new.example.com']\n"
               "jobs: {stop_grace: 9s, pools: {purge: 3}}\n";
  here.write_config();
  alula->send(SIGHUP);
  REQUIRE(alula->line_with(" reloaded "));
  CHECK(origin_for("https://new.example.com") == "https://new.example.com");
  CHECK(origin_for("https://else.example.com") == "https://other.example.com");
  const auto warned = alula->line_with("restart-needed");
  REQUIRE(warned);
  for (const auto* key : {"api.sync_wait", "api.websocket.ping_interval",
                          "jobs.stop_grace", "jobs.pools.purge"})
    CHECK_THAT(*warned, Contains(key));
  for (const auto* key : {"remote", "allowed_origins", "debug", "token"})
    CHECK_THAT(*warned, !Contains(key));
}
