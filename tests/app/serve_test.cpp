// The binary as an operator has it: one process, loopback, a directory.
#include "app/node.hpp"
#include "tests/app/certificate.hpp"
#include "tests/app/node_directory.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

using namespace alula::tests;
using Catch::Contains;

TEST_CASE("a first start without a config makes a token, says where it is, and "
          "logs it nowhere",
          "[app]") {
  temporary_directory dir;
  const auto data = (dir.path() / "data").string();
  const auto start = [&] {
    return program{{"serve", "--data", data, "--port", "0"}};
  };
  std::string token;
  {
    auto first = start();
    REQUIRE(first.port() != 0);
    CHECK(first.line_with("the token is kept in " + data + "/token"));
    token = read_file(data + "/token");
    REQUIRE(token.size() > 32);
    token.pop_back(); // the end of the line
    CHECK_THAT(*first.line_with("listening on"), Contains("127.0.0.1"));
    const client node{first.port(), token};
    CHECK(node.get("/api/servers").status == 200);
    CHECK(client(first.port(), "wrong").get("/api/servers").status == 401);
    CHECK(client(first.port(), "").get("/healthz").status == 200);
    CHECK(client(first.port(), "").get("/readyz").status == 200);
    first.send(SIGTERM);
    CHECK(first.end() == 0);
    CHECK_THAT(first.all_output(), !Contains(token));
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
  have_server(node);
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
    have_server(node);
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
  have_server(node);
  const auto deleted = node.send("DELETE", "/api/servers/" + uuid);
  REQUIRE(deleted.status == 202);
  const auto job = json::parse(node.get(deleted.header("Location")).body);
  CHECK(job["reason"] == "DockerUnavailable");
  CHECK(std::filesystem::exists(here.volume()));
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
  CHECK_THAT(second.all_output(), Contains("cannot listen on 127.0.0.1:" + port)
                                      && Contains("--port"));
}

TEST_CASE("a key that cannot be used is named, not the port", "[app]") {
  node_directory here;
  write_certificate(here.dir.path(), "first.example");
  const auto cert = (here.dir.path() / "cert.pem").string();
  const auto key = (here.dir.path() / "key.pem").string();
  here.api = "  ssl: {enabled: true, cert: " + cert + ", key: " + key + "}\n";
  SECTION("no key at all") {
    std::ofstream{key} << "nothing\n";
  }
  SECTION("the key of another certificate") {
    temporary_directory elsewhere;
    write_certificate(elsewhere.path(), "second.example");
    std::filesystem::copy_file(
        elsewhere.path() / "key.pem", key,
        std::filesystem::copy_options::overwrite_existing);
  }
  const auto alula = here.start();
  CHECK(alula->end() == 1);
  CHECK_THAT(alula->all_output(),
             Contains("alula: the TLS key " + key) && Contains("api.ssl.key")
                 && !Contains("listen") && !Contains("--port"));
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

TEST_CASE("a config may leave the token to a file, which a start makes",
          "[app]") {
  node_directory here;
  const auto kept = (here.dir.path() / "keys/token").string();
  here.token = "\"\"\ntoken_file: " + kept;
  const auto alula = here.start();
  REQUIRE(alula->port() != 0);
  CHECK(alula->line_with("the token is kept in " + kept));
  // The command line goes the same way.
  program servers{{"servers", "--config", here.file().string(), "--url",
                   "http://127.0.0.1:" + std::to_string(alula->port())}};
  CHECK(servers.end() == 0);
  const auto token = read_file(kept);
  CHECK(token.size() > 32);
  CHECK_THAT(alula->all_output(), !Contains(token.substr(0, 64)));
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

TEST_CASE("check-config says the same to programs", "[app]") {
  using nlohmann::json;
  temporary_directory dir;
  const auto file = (dir.path() / "config.yml").string();
  const auto asked = [&](int code) {
    program check{{"check-config", "--json", file}};
    CHECK(check.end() == code);
    return json::parse(check.all_output());
  };
  std::ofstream{file} << "token: a\ncolour: blue\n";
  const auto warned = asked(0);
  CHECK(warned.at("file") == file);
  CHECK(warned.at("usable") == true);
  CHECK(warned.at("errors") == 0);
  CHECK(warned.at("warnings") == 1);
  REQUIRE(warned.at("findings").size() == 1);
  const auto unknown = warned.at("findings").at(0);
  CHECK(unknown.at("file") == file);
  CHECK(unknown.at("line") == 2);
  CHECK(unknown.at("key") == "colour");
  CHECK(unknown.at("level") == "warning");
  CHECK_THAT(unknown.at("what").get<std::string>(), Contains("unknown key"));

  std::ofstream{file} << "token: a\ndebug: \"\xff\"\n";
  const auto refused = asked(1);
  CHECK(refused.at("usable") == false);
  CHECK(refused.at("findings").at(0).at("level") == "error");

  const auto token = (dir.path() / "token").string();
  std::ofstream{token} << "secret\n";
  std::filesystem::permissions(token, std::filesystem::perms{0644});
  std::ofstream{file} << "token_file: " + token + "\ncolour: blue\n";
  const auto open = asked(0);
  CHECK(open.at("warnings") == 2);
  CHECK(open.at("findings").at(0).at("line") == 1);
  CHECK(open.at("findings").at(0).at("key") == "token_file");
  CHECK_THAT(open.at("findings").at(0).at("what").get<std::string>(),
             Contains("mode is 0644"));
  std::ofstream{token} << "\n";
  CHECK(asked(1).at("findings").at(0).at("key") == "token_file");

  std::filesystem::remove(file);
  const auto missing = asked(1);
  CHECK(missing.at("findings").at(0).at("line").is_null());
  CHECK(missing.at("findings").at(0).at("key").is_null());
}

TEST_CASE("version says one line", "[app]") {
  program version{{"version"}};
  CHECK(version.end() == 0);
  CHECK_THAT(version.all_output(), Catch::Matches("alula [0-9.]+\n"));
}

TEST_CASE("a node that does not run takes no new settings", "[app]") {
  alula::app::node idle;
  const auto taken = idle.reload({});
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == alula::jobs::fault_code::shutting_down);
}
