#include "http/console_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;

namespace {

const auto of_server = "/api/servers/" + some_server;

struct console_api : api_world {
  console_api() {
    auto server = std::make_shared<jobs::server_record>();
    server->uuid = id;
    engine.servers = {server};
  }
  void run(std::vector<std::string> lines = {}) {
    processes.put(id, jobs::process_state::running);
    processes.by_server[id].console = std::move(lines);
  }
  json lines(const std::string& target) {
    const auto answer = ask("GET", target);
    CHECK(answer.status == 200);
    return json::parse(answer.body).at("data");
  }
  const jobs::server_id id = jobs::server_id::parse(some_server).value();
};

std::vector<std::string> numbered(int count) {
  std::vector<std::string> out;
  for (int i = 1; i <= count; ++i)
    out.push_back("line " + std::to_string(i));
  return out;
}

} // namespace

TEST_CASE("commands go to the console in their order", "[http]") {
  console_api world;
  world.run();
  const auto answer = world.ask("POST", of_server + "/commands",
                                R"({"commands":["say hi","save-all"]})");
  CHECK(answer.status == 204);
  CHECK(answer.body.empty());
  CHECK(world.processes.by_server[world.id].written
        == std::vector<std::string>{"say hi", "save-all"});
}

TEST_CASE("a server that does not run takes no commands: 502", "[http]") {
  console_api world;
  SECTION("whatever the body is") {
    CHECK(world.ask("POST", of_server + "/commands", "{").status == 502);
  }
  SECTION("also one whose console is not attached yet") {
    world.processes.put(world.id, jobs::process_state::starting, false);
    CHECK(world.ask("POST", of_server + "/commands", R"({"commands":["x"]})")
              .status
          == 502);
  }
}

TEST_CASE("a server Docker has not said anything of is no stopped one: 503",
          "[http]") {
  console_api world;
  world.processes.by_server[world.id].usage.is_known = false;
  const auto answer =
      world.ask("POST", of_server + "/commands", R"({"commands":["x"]})");
  CHECK(answer.status == 503);
  const auto body = json::parse(answer.body);
  CHECK(body.at("code") == "starting");
  CHECK(body.at("detail")
        == "Docker has not said yet whether this server "
           "runs");
}

TEST_CASE("commands that are none are refused", "[http]") {
  console_api world;
  world.run();
  CHECK(world.ask("POST", of_server + "/commands", "{").status == 400);
  CHECK(world.ask("POST", of_server + "/commands", R"({"commands":[1]})").status
        == 422);
  CHECK(world.ask("POST", of_server + "/commands", "{}").status == 204);
  CHECK(world.processes.by_server[world.id].written.empty());
}

TEST_CASE("a console that does not read is 429", "[http]") {
  console_api world;
  world.run();
  world.processes.fail_next("write", {.code = fault_code::rate_limited});
  CHECK(
      world.ask("POST", of_server + "/commands", R"({"commands":["x"]})").status
      == 429);
}

TEST_CASE("the logs are the newest lines, a hundred without a good size",
          "[http]") {
  console_api world;
  world.run(numbered(300));
  CHECK(world.lines(of_server + "/logs?size=2")
        == json{"line 299", "line 300"});
  for (const auto* size : {"", "?size=0", "?size=-4", "?size=x", "?size=101"})
    CHECK(world.lines(of_server + "/logs" + size).size() == 100);
}

TEST_CASE("without output the logs are an empty list", "[http]") {
  console_api world;
  CHECK(world.lines(of_server + "/logs") == json::array());
}

TEST_CASE("logs that Docker does not give are its fault", "[http]") {
  console_api world;
  world.processes.fail_next("log", {.code = fault_code::docker_unavailable});
  CHECK(world.ask("GET", of_server + "/logs").status == 503);
}

TEST_CASE("the log of an installation is served, the end of it first of all",
          "[http]") {
  console_api world;
  CHECK(world.lines(of_server + "/install-logs") == json::array());
  world.installs.logs[world.id] = "header\n\nfirst\nlast \xff\n";
  CHECK(world.lines(of_server + "/install-logs")
        == json{"header", "", "first", "last \xef\xbf\xbd"});
  CHECK(world.lines(of_server + "/install-logs?size=2").size() == 2);
  // Of one that is cut, the first line is not whole.
  world.installs.logs[world.id] =
      "begin\n" + std::string(1'024 * 1'024, 'x') + "\nend\n";
  CHECK(world.lines(of_server + "/install-logs") == json{"end"});
}

TEST_CASE("consoles of unknown servers are 404", "[http]") {
  api_world world;
  CHECK(world.ask("POST", of_server + "/commands", "{}").status == 404);
  CHECK(world.ask("GET", of_server + "/logs").status == 404);
  CHECK(world.ask("GET", of_server + "/install-logs").status == 404);
}

TEST_CASE("a server is shown with what its process uses", "[http]") {
  console_api world;
  world.run();
  auto& usage = world.processes.by_server[world.id].usage;
  usage.state = jobs::process_state::starting;
  usage.sample = {.memory_bytes = 5, .cpu_percent = 1.5};
  usage.disk_bytes = 7;
  const auto one = json::parse(world.ask("GET", of_server).body);
  CHECK(one.at("state") == "starting");
  CHECK(one.at("utilization").at("memory_bytes") == 5);
  CHECK(one.at("utilization").at("cpu_absolute") == 1.5);
  CHECK(one.at("utilization").at("disk_bytes") == 7);
  const auto all = json::parse(world.ask("GET", "/api/servers").body);
  CHECK(all.at(0).at("state") == "starting");
  CHECK(all.at(0).at("state_known") == true);
}

TEST_CASE("a server that Docker is silent about is shown as it was known",
          "[http]") {
  console_api world;
  world.run();
  world.engine.container = fault{.code = fault_code::docker_unavailable};
  auto one = json::parse(world.ask("GET", of_server).body);
  CHECK(one.at("state") == "running");
  CHECK(one.at("state_known") == false);
  world.engine.container = std::optional<jobs::container_info>{};
  world.processes.by_server[world.id].usage.unresponsive = true;
  one = json::parse(world.ask("GET", of_server).body);
  CHECK(one.at("state_known") == false);
  const auto all = json::parse(world.ask("GET", "/api/servers").body);
  CHECK(all.at(0).at("state_known") == false);
}

TEST_CASE("a server that a job's call holds is known by the node's own word",
          "[http]") {
  console_api world;
  world.run();
  auto job = make_job("server.power");
  world.engine.put(job);
  world.engine.container = fault{.code = fault_code::container_busy};
  auto& usage = world.processes.by_server[world.id].usage;
  usage.state = jobs::process_state::starting;
  usage.is_known = true;
  auto one = json::parse(world.ask("GET", of_server).body);
  CHECK(one.at("state") == "starting");
  CHECK(one.at("state_known") == true);
  SECTION("unless it is not known to the node either") {
    usage.is_known = false;
  }
  SECTION("unless an earlier call hung") {
    usage.unresponsive = true;
  }
  SECTION("unless what holds it is a look without an answer") {
    job.state = jobs::job_state::queued;
    world.engine.put(job);
  }
  SECTION("unless the job has no business with the container") {
    job.kind = "backup.create";
    world.engine.put(job);
  }
  one = json::parse(world.ask("GET", of_server).body);
  CHECK(one.at("state_known") == false);
}
