#include "http/server_presenter.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace alula;
using namespace alula::http;
using json = nlohmann::json;

namespace {

constexpr jobs::time_ms now = 1'800'000'000'000;

jobs::server_record shown_server(const std::string& settings = "{}") {
  jobs::server_record out;
  out.uuid =
      jobs::server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11").value();
  out.config = R"({"settings":)" + settings + R"(,"process_configuration":{}})";
  return out;
}

container_answer container(std::string status, bool running) {
  return std::optional{jobs::container_info{.id = "c",
                                            .status = std::move(status),
                                            .running = running,
                                            .started_at = now - 3'600'000}};
}

const container_answer none = std::optional<jobs::container_info>{};
const container_answer silent =
    jobs::fault{.code = jobs::fault_code::docker_unavailable, .what = "no"};

json shown(const jobs::server_record& server, const container_answer& answer) {
  return json::parse(present_server(server, answer, now));
}

} // namespace

TEST_CASE("a server has every member of Wings' object", "[http]") {
  const auto server = shown_server(R"({
    "uuid": "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11",
    "meta": {"name": "demo", "description": ""},
    "invocation": "./run", "skip_egg_scripts": false,
    "environment": {"STARTUP": "./run"},
    "allocations": {"force_outgoing_ip": false,
      "default": {"ip": "203.0.113.5", "port": 25565},
      "mappings": {"203.0.113.5": [25565]}},
    "build": {"memory_limit": 2048, "swap": 0, "io_weight": 500,
      "cpu_limit": 200, "disk_space": 10240, "threads": "",
      "oom_disabled": true},
    "crash_detection_enabled": true, "mounts": [],
    "egg": {"id": "c0ffee00-1111-4222-8333-444455556666", "file_denylist": []},
    "container": {"image": "ghcr.io/example/runtime:21", "oom_disabled": true}
  })");
  CHECK(shown(server, container("running", true)) == json::parse(R"({
    "state": "running",
    "is_suspended": false,
    "is_transferring": false,
    "utilization": {
      "memory_bytes": 0, "memory_limit_bytes": 2355200000, "cpu_absolute": 0,
      "network": {"rx_bytes": 0, "tx_bytes": 0}, "uptime": 3600000,
      "state": "running", "disk_bytes": 0
    },
    "configuration": {
      "uuid": "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11",
      "meta": {"name": "demo", "description": ""},
      "suspended": false, "invocation": "./run", "skip_egg_scripts": false,
      "environment": {"STARTUP": "./run"}, "labels": null,
      "allocations": {"force_outgoing_ip": false,
        "default": {"ip": "203.0.113.5", "port": 25565},
        "mappings": {"203.0.113.5": [25565]}},
      "build": {"memory_limit": 2048, "swap": 0, "io_weight": 500,
        "cpu_limit": 200, "disk_space": 10240, "threads": "",
        "oom_disabled": true},
      "crash_detection_enabled": true, "mounts": [],
      "egg": {"id": "c0ffee00-1111-4222-8333-444455556666",
        "file_denylist": []},
      "container": {"image": "ghcr.io/example/runtime:21"}
    },
    "lifecycle": "active", "quarantined_at": null, "wanted_power": "down",
    "install": {"state": "none", "installed_at": null},
    "last_crash": null, "jobs": [],
    "state_known": true, "unresponsive": null
  })"));
}

TEST_CASE("maps and lists that are absent are null, scalars zero", "[http]") {
  const auto text =
      GENERATE("{}", "null", "[]", R"({"build":7,"meta":[],"egg":"x"})",
               R"({"suspended":"yes","build":{"swap":"many"}})");
  const auto conf = shown(shown_server(text), none).at("configuration");
  for (const auto* name : {"environment", "labels", "mounts"})
    CHECK(conf.at(name).is_null());
  CHECK(conf.at("allocations").at("mappings").is_null());
  CHECK(conf.at("egg").at("file_denylist").is_null());
  CHECK(conf.at("build").at("swap") == 0);
  CHECK(conf.at("build").at("threads") == "");
  CHECK(conf.at("meta").at("name") == "");
  CHECK(conf.at("suspended") == false);
  CHECK(conf.at("crash_detection_enabled") == true);
}

TEST_CASE("whether the kernel may kill is shown as it holds, by whichever name "
          "the Panel says it",
          "[http]") {
  const auto is_disabled = [](const std::string& build) {
    return shown(shown_server(R"({"build":)" + build + "}"), none)
        .at("configuration")
        .at("build")
        .at("oom_disabled");
  };
  CHECK(is_disabled(R"({"oom_disabled":true})") == true);
  CHECK(is_disabled(R"({"oom_killer":false})") == true);
  CHECK(is_disabled(R"({"oom_killer":true})") == false);
  CHECK(is_disabled(R"({"oom_disabled":"yes","oom_killer":0})") == false);
  CHECK(is_disabled("{}") == false);
}

TEST_CASE("a configuration that cannot be read hides no server", "[http]") {
  auto server = shown_server();
  server.config = GENERATE("", "{", "[]", "7");
  CHECK(shown(server, none).at("configuration").at("uuid")
        == server.uuid.view());
}

TEST_CASE("suspended is what the ledger says, not what was stored", "[http]") {
  auto server = shown_server(R"({"suspended":false})");
  server.suspended = true;
  const auto object = shown(server, none);
  CHECK(object.at("is_suspended") == true);
  CHECK(object.at("configuration").at("suspended") == true);
}

TEST_CASE("a server that is being restored counts as suspended", "[http]") {
  auto server = shown_server();
  server.state = jobs::server_state::restoring;
  CHECK(shown(server, none).at("is_suspended") == true);
}

TEST_CASE("the state is one of Wings' four", "[http]") {
  const auto server = shown_server();
  const auto [status, running, state] = GENERATE(
      table<std::string, bool, std::string>({{"running", true, "running"},
                                             {"paused", true, "running"},
                                             {"restarting", true, "starting"},
                                             {"removing", false, "stopping"},
                                             {"created", false, "offline"},
                                             {"exited", false, "offline"},
                                             {"dead", false, "offline"}}));
  const auto object = shown(server, container(status, running));
  CHECK(object.at("state") == state);
  CHECK(object.at("utilization").at("state") == state);
  CHECK(object.at("state_known") == true);
}

TEST_CASE("without a container a server is offline", "[http]") {
  const auto object = shown(shown_server(), none);
  CHECK(object.at("state") == "offline");
  CHECK(object.at("state_known") == true);
  CHECK(object.at("utilization").at("uptime") == 0);
}

TEST_CASE("when Docker is silent the state is not claimed", "[http]") {
  const auto object = shown(shown_server(), silent);
  CHECK(object.at("state") == "offline");
  CHECK(object.at("state_known") == false);
}

TEST_CASE("a server that Docker does not answer for says since when and why",
          "[http]") {
  const auto server = shown_server();
  jobs::process_usage usage;
  usage.state = jobs::process_state::running;
  usage.unresponsive = true;
  usage.unresponsive_since = 1'800'000'000'000;
  usage.unresponsive_why = "no answer within 10000 ms";
  const auto expected = json::parse(R"({"since": "2027-01-15T08:00:00.000Z",
                                        "why": "no answer within 10000 ms"})");
  const auto object =
      json::parse(present_server(server, silent, now, {}, usage));
  CHECK(object.at("unresponsive") == expected);
  const auto list = json::parse(
      present_servers({std::make_shared<jobs::server_record>(server)}, now,
                      [&](const auto&) { return usage; }));
  CHECK(list[0].at("unresponsive") == expected);
}

TEST_CASE("a server that is being deleted is stopping", "[http]") {
  auto server = shown_server();
  server.state = jobs::server_state::deleting;
  const auto object = shown(server, container("running", true));
  CHECK(object.at("state") == "stopping");
  CHECK(object.at("lifecycle") == "deleting");
}

TEST_CASE("an uptime is never negative", "[http]") {
  auto early = container("running", true);
  (*early)->started_at = now + 60'000;
  CHECK(shown(shown_server(), early).at("utilization").at("uptime") == 0);
}

TEST_CASE("the memory limit has the overhead of the node", "[http]") {
  const auto server = shown_server(R"({"build":{"memory_limit":2048}})");
  const auto limit = [](const std::string& text) {
    return json::parse(text).at("utilization").at("memory_limit_bytes");
  };
  CHECK(limit(present_server(server, none, now)) == 2'355'200'000);
  const jobs::overhead_rule own{true, 1.5, {}};
  CHECK(limit(present_server(server, none, now, {}, {}, own)) == 3'072'000'000);
  const auto list = present_servers(
      {std::make_shared<jobs::server_record>(server)}, now, {}, own);
  CHECK(json::parse(list)[0].at("utilization").at("memory_limit_bytes")
        == 3'072'000'000);
}

TEST_CASE("a list is a bare array that asks no Docker", "[http]") {
  CHECK(present_servers({}, now) == "[]");
  const auto one = std::make_shared<jobs::server_record>(shown_server());
  auto two = std::make_shared<jobs::server_record>(shown_server());
  two->state = jobs::server_state::deleting;
  const auto list = json::parse(present_servers({one, two}, now));
  REQUIRE(list.size() == 2);
  CHECK(list[0].at("state_known") == false);
  CHECK(list[1].at("state") == "stopping");
}

TEST_CASE("a server the Panel does not know says since when", "[http]") {
  jobs::server_record server;
  server.quarantined_at = 1'800'000'000'000;
  const auto shown = nlohmann::json::parse(
      present_server(server, std::optional<jobs::container_info>{}, 1));
  CHECK(shown.at("quarantined_at") == "2027-01-15T08:00:00.000Z");
}

TEST_CASE("a server shows what is wanted of it and what goes on", "[http]") {
  auto server = shown_server("{}");
  server.wanted_up = true;
  server.install = jobs::install_state::done;
  server.installed_at = now;
  server.crashed_at = now;
  server.crash_exit_code = 137;
  server.crash_out_of_memory = true;
  jobs::job_record job;
  job.kind = "server.power";
  job.state = jobs::job_state::running;
  const auto shown_now = json::parse(present_server(server, none, now, {job}));
  CHECK(shown_now["wanted_power"] == "up");
  CHECK(shown_now["install"]["state"] == "done");
  CHECK(shown_now["last_crash"]["exit_code"] == 137);
  CHECK(shown_now["last_crash"]["out_of_memory"] == true);
  REQUIRE(shown_now["jobs"].size() == 1);
  CHECK(shown_now["jobs"][0]["kind"] == "server.power");
  CHECK(shown_now["jobs"][0]["state"] == "running");
}
