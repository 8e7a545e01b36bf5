// The binary and the Panel for tests: what it is told, what it says, and what
// happens while it is away.
#include "tests/app/certificate.hpp"
#include "tests/app/node_directory.hpp"
#include "tests/doubles/panel_process.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <sys/stat.h>

using namespace alula::tests;
using alula::doubles::panel_process;
using Catch::Contains;

namespace {

const std::string backup = "0b5d3b1e-5c47-4f0a-9b1e-0d3a2c000001";

/// A node whose dockerd has no containers, and a Panel that knows its server.
struct panelled_node {
  panelled_node() {
    have_no_containers(dockerd);
    here.docker_at = dockerd.socket();
    here.extra = panel.config();
    here.token = panel_process::token;
    here.fill_volume(3);
    panel.add_server(uuid);
    panel.add_backup(backup, uuid);
  }
  /// Waits for the server that the Panel's list makes.
  static bool has_server(program& alula, const client& node) {
    if (!alula.line_with("panel-synced"))
      return false;
    const auto made =
        json::parse(node.get("/api/jobs?kind=server.create").body);
    for (const auto& job : made.at("items"))
      wait_for_end(node, "/api/jobs/" + job.at("id").get<std::string>());
    return node.get("/api/servers/" + uuid).status == 200;
  }
  answer make_backup(const client& node) {
    return node.send("POST", "/api/servers/" + uuid + "/backup",
                     json{{"adapter", "wings"}, {"uuid", backup}}.dump());
  }

  scripted_dockerd dockerd;
  panel_process panel;
  node_directory here;
};

json outbox(const client& node, const std::string& query = "") {
  return json::parse(node.get("/api/outbox" + query).body).at("items");
}

} // namespace

TEST_CASE("a node takes its servers from the Panel, then resets its states",
          "[app]") {
  panelled_node w;
  const auto alula = w.here.start();
  REQUIRE(alula->port() != 0);
  const client node{alula->port(), w.here.token};
  CHECK(w.has_server(*alula, node));
  CHECK_FALSE(w.panel.wait_for("POST", "/servers/reset").is_null());
  CHECK(std::filesystem::exists(w.here.volume() / "world" / "0"));
  alula->send(SIGTERM);
  CHECK(alula->end() == 0);
  CHECK_THAT(alula->all_output(), !Contains(panel_process::token));
}

TEST_CASE("a node serves what it knows while the Panel is away", "[app]") {
  panelled_node w;
  {
    const auto alula = w.here.start();
    REQUIRE(alula->port() != 0);
    REQUIRE(w.has_server(*alula, {alula->port(), w.here.token}));
    alula->send(SIGKILL);
    alula->end();
  }
  w.panel.set({{"down", true}});
  const auto alula = w.here.start();
  REQUIRE(alula->port() != 0);
  const client node{alula->port(), w.here.token};
  CHECK(node.get("/api/servers/" + uuid).status == 200);
  alula->send(SIGTERM);
  CHECK(alula->end() == 0);
}

TEST_CASE("a backup's result reaches a Panel that was away, over kill -9, once",
          "[app]") {
  panelled_node w;
  std::string sum;
  {
    const auto alula = w.here.start();
    REQUIRE(alula->port() != 0);
    const client node{alula->port(), w.here.token};
    REQUIRE(w.has_server(*alula, node));
    w.panel.set({{"down", true}});
    const auto asked = w.make_backup(node);
    REQUIRE(asked.status == 202);
    REQUIRE(wait_for_end(node, asked.header("Location"))["state"]
            == "succeeded");
    const auto made = json::parse(
        node.get("/api/servers/" + uuid + "/backup/" + backup).body);
    CHECK(made.at("state") == "ready");
    CHECK(made.at("panel").at("state") == "waiting");
    sum = made.at("checksum");
    const auto waiting = outbox(node);
    REQUIRE(waiting.size() == 1);
    CHECK(waiting[0].at("subject") == "backup:" + backup);
    alula->send(SIGKILL);
    alula->end();
  }
  // The Panel has not committed its row yet, and loses an answer.
  w.panel.set({{"down", false},
               {"hide_times", {{"/backups/" + backup, 1}}},
               {"drop_answers", 0}});
  const auto alula = w.here.start();
  REQUIRE(alula->port() != 0);
  const client node{alula->port(), w.here.token};
  const auto told =
      w.panel.wait_for("POST", "/backups/" + backup, [](const json& call) {
        return call.at("status") == 204;
      });
  REQUIRE_FALSE(told.is_null());
  CHECK(told.at("body").at("checksum") == sum);
  CHECK(told.at("body").at("successful") == true);
  CHECK(w.panel.state()["backups"][backup]["reports"].size() == 1);
  REQUIRE(alula->line_with("report-delivered"));
  CHECK(outbox(node).empty());
  CHECK(outbox(node, "?state=all").size() == 1);
  CHECK(json::parse(node.get("/api/servers/" + uuid + "/backup/" + backup).body)
            .at("panel")
            .at("state")
        == "told");
}

TEST_CASE("a Panel that has a call for states hears of a start", "[app]") {
  panelled_node w;
  w.here.extra += "panel: {container_status: on}\n";
  const auto alula = w.here.start();
  REQUIRE(alula->port() != 0);
  const client node{alula->port(), w.here.token};
  REQUIRE(w.has_server(*alula, node));
  const auto start = [&] {
    return node.send("POST", "/api/servers/" + uuid + "/power",
                     R"({"action":"start"})");
  };
  const auto call = "/servers/" + uuid + "/container/status";
  SECTION("and takes it") {
    w.panel.set({{"container_status", true}});
    REQUIRE(start().status == 202);
    const auto told = w.panel.wait_for("POST", call);
    REQUIRE_FALSE(told.is_null());
    CHECK(told.at("status") == 200);
    // Before it has its image; it will never come.
    const auto& data = told.at("body").at("data");
    CHECK(data.at("previous_state").is_string());
    CHECK_FALSE(data.at("new_state") == data.at("previous_state"));
    CHECK_FALSE(w.panel.state()["servers"][uuid]["container"] == "missing");
  }
  SECTION("and one that has none harms nothing") {
    REQUIRE(start().status == 202);
    const auto told = w.panel.wait_for("POST", call);
    REQUIRE_FALSE(told.is_null());
    CHECK(told.at("status") == 404);
    CHECK(alula->line_with("container-status-refused"));
    CHECK(outbox(node, "?state=dead").empty());
  }
}

TEST_CASE("an answer of the Panel that is lost does no harm", "[app]") {
  panelled_node w;
  const auto alula = w.here.start();
  REQUIRE(alula->port() != 0);
  const client node{alula->port(), w.here.token};
  REQUIRE(w.has_server(*alula, node));
  REQUIRE_FALSE(w.panel.wait_for("POST", "/servers/reset").is_null());
  w.panel.set({{"drop_answers", 1}});
  REQUIRE(w.make_backup(node).status == 202);
  const auto second =
      w.panel.wait_for("POST", "/backups/" + backup, [](const json& call) {
        return call.at("status") == 400;
      });
  REQUIRE_FALSE(second.is_null()); // it has it already
  REQUIRE(alula->line_with("report-delivered"));
  CHECK(outbox(node).empty());
  CHECK(outbox(node, "?state=dead").empty());
  CHECK(w.panel.state()["backups"][backup]["is_successful"] == true);
}

TEST_CASE("the Panel changes the node's token while it runs", "[app]") {
  panelled_node w;
  const auto alula = w.here.start();
  REQUIRE(alula->port() != 0);
  const client node{alula->port(), w.here.token};
  const auto answer =
      node.send("POST", "/api/update",
                R"({"token":"another-token","system":{"data":"/nowhere"}})");
  REQUIRE(answer.status == 200);
  CHECK(json::parse(answer.body) == json{{"applied", true}});
  CHECK(node.get("/api/servers").status == 401);
  CHECK(client(alula->port(), "another-token").get("/api/servers").status
        == 200);
  const auto text = read_file(w.here.file());
  CHECK_THAT(text, Contains("another-token") && !Contains("/nowhere"));
  struct stat now {};
  REQUIRE(stat(w.here.file().c_str(), &now) == 0);
  CHECK((now.st_mode & 0777) == 0600);
}

TEST_CASE("a node may refuse what the Panel wants to change", "[app]") {
  panelled_node w;
  w.here.extra += "ignore_panel_config_updates: true\n";
  const auto alula = w.here.start();
  REQUIRE(alula->port() != 0);
  const client node{alula->port(), w.here.token};
  const auto before = read_file(w.here.file());
  CHECK(json::parse(node.send("POST", "/api/update", R"({"token":"x"})").body)
        == json{{"applied", false}});
  CHECK(read_file(w.here.file()) == before);
}

TEST_CASE("an update is refused when the file cannot be read", "[app]") {
  panelled_node w;
  const auto alula = w.here.start();
  REQUIRE(alula->port() != 0);
  const client node{alula->port(), w.here.token};
  std::filesystem::rename(w.here.file(), w.here.dir.path() / "elsewhere");
  CHECK(node.send("POST", "/api/update", R"({"token":"another-token"})").status
        == 500);
  CHECK_FALSE(std::filesystem::exists(w.here.file()));
  CHECK(node.get("/api/servers").status == 200);
}

TEST_CASE("configure checks the certificate unless it is told not to",
          "[app]") {
  // Whoever answers by TLS will do for a Panel: its 401 has come through.
  node_directory here;
  write_certificate(here.dir.path(), "panel.example");
  here.api =
      "  ssl: {enabled: true, cert: " + (here.dir.path() / "cert.pem").string()
      + ", key: " + (here.dir.path() / "key.pem").string() + "}\n";
  const auto alula = here.start();
  const auto url = "https://127.0.0.1:" + std::to_string(alula->port());
  const auto said = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{
        "configure", "--panel-url",   url,
        "--token",   "ptla_x",        "--node",
        "1",         "--config-path", (here.dir.path() / "new.yml").string()};
    words.insert(words.end(), more.begin(), more.end());
    program configure{words};
    CHECK(configure.end() == 1);
    return configure.all_output();
  };
  const auto strict = said({});
  CHECK_THAT(strict, Contains("cannot be reached") && Contains("certificate")
                         && !Contains("warning"));
  CHECK_THAT(
      said({"--allow-insecure"}),
      Contains("does not accept the token")
          && Contains("warning: the Panel's certificate is not checked"));
}

TEST_CASE("configure writes what the Panel says about the node", "[app]") {
  panel_process panel;
  temporary_directory dir;
  const auto file = (dir.path() / "config.yml").string();
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"configure", "--panel-url",
                                   panel.url() + "/", "--config-path", file};
    words.insert(words.end(), more.begin(), more.end());
    return program{words}.end();
  };
  CHECK(run({"--token", panel_process::api_key, "--node", "1"}) == 0);
  const auto text = read_file(file);
  CHECK_THAT(text, Contains("token_id: ") && Contains(panel_process::token)
                       && Contains(panel.url()));
  // Not over what is there, unless that was asked.
  CHECK(run({"--token", panel_process::api_key, "--node", "1"}) == 1);
  CHECK(run({"--token", panel_process::api_key, "--node", "1", "--override"})
        == 0);
  // What fails leaves the file as it was.
  CHECK(run({"--token", "wrong", "--node", "1", "--override"}) == 1);
  CHECK(run({"--token", panel_process::api_key, "--node", "7", "--override"})
        == 1);
  CHECK(read_file(file) == text);
  program check{{"check-config", file}};
  CHECK(check.end() == 0);
}
