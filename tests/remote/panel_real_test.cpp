// The Panel client against the Panel for tests: shapes, rules and bad habits.
#include "remote/panel_client.hpp"
#include "tests/doubles/panel_process.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::remote;
using namespace std::chrono_literals;
using doubles::panel_process;
using jobs::fault_code;
using nlohmann::json;
using verdict = jobs::delivery::verdict;

namespace {

const auto server =
    *jobs::server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");
const std::string backup = "0b5d3b1e-5c47-4f0a-9b1e-0d3a2c000001";
const std::string good =
    R"({"checksum":"da39","checksum_type":"sha1","size":5,)"
    R"("successful":true,"parts":null})";
const std::string bad = R"({"checksum":"","checksum_type":"","size":0,)"
                        R"("successful":false,"parts":null})";

struct real_panel {
  panel_process panel;
  panel_client client{settings()};

  panel_client_settings settings() const {
    panel_client_settings out;
    out.access = {panel.url(), panel_process::token_id, panel_process::token};
    out.servers_per_page = 2;
    return out;
  }
  jobs::delivery tell(const std::string& path, const std::string& body) {
    return client.deliver("POST", path, body, {});
  }
};

} // namespace

TEST_CASE("the test Panel lists its servers page by page", "[remote]") {
  real_panel p;
  for (int i = 0; i < 5; ++i)
    p.panel.add_server("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b1"
                       + std::to_string(i));
  std::size_t servers = 0;
  std::int64_t last = 1;
  for (std::int64_t page = 1; page <= last; ++page) {
    const auto got = p.client.list_servers(page, {});
    REQUIRE(got);
    last = got->last_page;
    servers += got->servers.size();
    CHECK(got->unreadable.empty());
  }
  CHECK(last == 3);
  CHECK(servers == 5);
}

TEST_CASE("an empty test Panel has one empty page", "[remote]") {
  real_panel p;
  const auto page = p.client.list_servers(1, {});
  REQUIRE(page);
  CHECK(page->servers.empty());
  CHECK(page->last_page == 1);
}

TEST_CASE("the test Panel knows servers and their installers", "[remote]") {
  real_panel p;
  p.panel.add_server(server.to_string());
  CHECK(p.client.find_server(server, {})->uuid == server);
  CHECK(p.client.find_install_script(server, {})->entrypoint == "bash");
  p.panel.remove_server(server.to_string());
  CHECK(p.client.find_server(server, {}).error().code
        == fault_code::server_not_found);
}

TEST_CASE("the test Panel takes results as the real one does", "[remote]") {
  real_panel p;
  p.panel.add_server(server.to_string());
  p.panel.add_backup(backup, server.to_string());
  const auto path = "/backups/" + backup;
  SECTION("a failure, then a success, then no more") {
    CHECK(p.tell(path, bad).is == verdict::delivered);
    CHECK(p.tell(path, good).is == verdict::delivered);
    // The answer to the success was lost, say.
    const auto again = p.tell(path, good);
    CHECK(again.is == verdict::delivered);
    CHECK(again.status == 400);
    CHECK(p.panel.state()["backups"][backup]["is_successful"] == true);
  }
  SECTION("a success without its checksum is refused for good") {
    const auto said = p.tell(path, R"({"successful":true,"size":5})");
    CHECK(said.is == verdict::refused);
    CHECK(said.status == 422);
  }
  SECTION("a backup that it has not committed yet") {
    p.panel.set({{"hide_times", {{path, 1}}}});
    const auto early = p.tell(path, good);
    CHECK(early.is == verdict::unknown);
    CHECK(early.status == 404);
    CHECK(p.tell(path, good).status == 204);
  }
  SECTION("a restore and an installation") {
    CHECK(p.tell(path + "/restore", R"({"successful":true})").status == 204);
    CHECK(p.tell("/servers/" + server.to_string() + "/install",
                 R"({"successful":false,"reinstall":true})")
              .status
          == 204);
    CHECK(p.panel.state()["servers"][server.to_string()]["status"]
          == "reinstall_failed");
  }
}

TEST_CASE("a test Panel with bad habits is told from a good one", "[remote]") {
  real_panel p;
  p.panel.add_server(server.to_string());
  SECTION("one that fails twice and answers whoever asks a third time") {
    p.panel.set({{"fail", {500, 503}}});
    for (int i = 0; i < 2; ++i)
      CHECK(p.client.find_server(server, {}).error().code
            == fault_code::panel_unavailable);
    CHECK(p.client.find_server(server, {}));
  }
  SECTION("one that hangs up") {
    p.panel.set({{"down", true}});
    CHECK(p.tell("/servers/reset", "null").status == 0);
    p.panel.set({{"down", false}});
    CHECK(p.tell("/servers/reset", "null").status == 204);
  }
  SECTION("one that says something else") {
    p.panel.set({{"garbage", true}});
    CHECK(p.client.find_server(server, {}).error().code
          == fault_code::panel_unavailable);
  }
  SECTION("one that trickles") {
    p.panel.set({{"slow_body", true}});
    CHECK(p.client.find_server(server, {}));
  }
  SECTION("one with another token") {
    p.client.change_access({p.panel.url(), panel_process::token_id, "other"});
    CHECK(p.client.find_server(server, {}).error().code
          == fault_code::panel_refused);
    CHECK(p.tell("/servers/reset", "null").is == verdict::retry);
  }
}

TEST_CASE("the test Panel knows a completed backup until it is deleted",
          "[remote]") {
  real_panel p;
  p.panel.set({{"default_disk", "s3"}, {"part_size", 100}});
  p.panel.add_server(server.to_string());
  p.panel.add_backup(backup, server.to_string());
  const auto id = *jobs::backup_id::parse(backup);
  REQUIRE(p.client.plan_upload(id, 5, {}));
  REQUIRE(p.tell("/backups/" + backup, good).status == 204);
  const auto before = p.panel.state()["backups"][backup];
  CHECK(p.client.knows_backup(id, {}).value());
  CHECK(p.panel.state()["backups"][backup] == before); // asking does nothing
  CHECK_FALSE(p.client
                  .knows_backup(*jobs::backup_id::parse(
                                    "0b5d3b1e-5c47-4f0a-9b1e-0d3a2c0000ff"),
                                {})
                  .value());
}

TEST_CASE("an upload is planned only where backups go to a store", "[remote]") {
  real_panel p;
  p.panel.add_server(server.to_string());
  p.panel.add_backup(backup, server.to_string());
  const auto id = *jobs::backup_id::parse(backup);
  CHECK(p.client.plan_upload(id, 5, {}).error().code
        == fault_code::panel_refused);
  p.panel.set({{"default_disk", "s3"}, {"part_size", 100}});
  CHECK(p.client.plan_upload(id, 250, {})->urls.size() == 3);
}
