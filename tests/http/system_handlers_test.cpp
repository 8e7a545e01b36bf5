#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

TEST_CASE("the short form tells of the machine and asks nobody", "[http]") {
  api_world w{{.restore_undo = std::chrono::hours{48}}};
  w.node.answer = fault{.code = fault_code::docker_unavailable, .what = "away"};
  for (const auto* target : {"/api/system", "/api/system?v=1"}) {
    const auto answer = w.ask("GET", target);
    CHECK(answer.status == 200);
    CHECK(json::parse(answer.body) == json::parse(R"({
      "architecture": "amd64", "cpu_count": 8,
      "kernel_version": "6.1.0-21-amd64", "os": "linux",
      "version": "1.2.3", "restore_undo_hours": 48})"));
  }
  CHECK(w.node.asked == 0);
}

TEST_CASE("the long form is the one the Panel reads", "[http]") {
  api_world w;
  const auto answer = w.ask("GET", "/api/system?v=2");
  CHECK(answer.status == 200);
  const auto expected = json::parse(R"json({
    "version": "1.2.3",
    "docker": {
      "version": "25.0.4",
      "cgroups": {"driver": "systemd", "version": "2"},
      "containers": {"total": 12, "running": 7, "paused": 0, "stopped": 5},
      "storage": {"driver": "overlay2", "filesystem": "extfs"},
      "runc": {"version": "v1.1.12-0-g51d5e94"}},
    "system": {
      "architecture": "amd64", "cpu_threads": 8,
      "memory_bytes": 33501757440, "kernel_version": "6.1.0-21-amd64",
      "os": "Debian GNU/Linux 12 (bookworm)", "os_type": "linux"}})json");
  CHECK(json::parse(answer.body) == expected);
}

TEST_CASE("the long form says that Docker is away", "[http]") {
  api_world w;
  w.node.answer = fault{.code = fault_code::docker_unavailable, .what = "away"};
  const auto answer = w.ask("GET", "/api/system?v=2");
  CHECK(answer.status >= 500);
  CHECK(code_of(answer) == "docker-unavailable");
}
