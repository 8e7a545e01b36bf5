#include "jobs/processes.hpp"
#include "tests/doubles/fake_processes.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <set>
#include <string_view>

using namespace alula::jobs;

TEST_CASE("every state of a process has a word of its own", "[processes]") {
  std::set<std::string_view> words;
  for (const auto state : {process_state::offline, process_state::starting,
                           process_state::running, process_state::stopping})
    words.insert(to_string(state));
  CHECK(words
        == std::set<std::string_view>{"offline", "starting", "running",
                                      "stopping"});
}

TEST_CASE("the usage of a process is written as Wings writes it",
          "[processes]") {
  process_usage usage;
  usage.sample = {.memory_bytes = 734'003'200,
                  .memory_limit_bytes = 2'355'200'000,
                  .cpu_percent = 12.34567,
                  .received_bytes = 10,
                  .sent_bytes = 20};
  usage.uptime_ms = 61'000;
  usage.disk_bytes = 4'096;
  usage.state = process_state::running;
  CHECK(to_json(usage)
        == R"({"cpu_absolute":12.346,"disk_bytes":4096,)"
           R"("memory_bytes":734003200,"memory_limit_bytes":2355200000,)"
           R"("network":{"rx_bytes":10,"tx_bytes":20},"state":"running",)"
           R"("uptime":61000})");
}

TEST_CASE("a use of no number is written as none", "[processes]") {
  process_usage usage;
  usage.sample.cpu_percent = 0.0 / 0.0;
  CHECK(nlohmann::json::parse(to_json(usage))["cpu_absolute"] == 0.0);
}

TEST_CASE("the fake takes no line for a console that is not attached",
          "[processes]") {
  fake_processes fake;
  const auto id = *server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");
  CHECK(fake.write(id, "save").error().code == fault_code::docker_refused);
  REQUIRE(fake.attach({.uuid = id}));
  CHECK(fake.write(id, "save"));
  CHECK(fake.by_server[id].written == std::vector<std::string>{"save"});
}
