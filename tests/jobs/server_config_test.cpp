#include "jobs/server_config.hpp"

#include <catch2/catch.hpp>

using namespace alula::jobs;

namespace {

using pair = std::pair<std::string, std::string>;

server_config parsed(const std::string& settings,
                     const std::string& process = "{}") {
  const auto read =
      parse_server_config(R"({"settings":)" + settings
                          + R"(,"process_configuration":)" + process + "}");
  REQUIRE(read);
  return *read;
}

stop_way stopped_by(const std::string& stop) {
  return how_to_stop(parsed("{}", R"({"stop":)" + stop + "}"));
}

} // namespace

TEST_CASE("what a Panel sends is read field by field", "[config]") {
  const auto c = parsed(
      R"({"meta":{"name":"demo"},"suspended":true,"invocation":"./run",
          "skip_egg_scripts":true,"environment":{"Jar":"server.jar"},
          "build":{"memory_limit":2048,"swap":-1,"io_weight":500,
                   "cpu_limit":200,"threads":"0-3","disk_space":10240,
                   "oom_disabled":true},
          "container":{"image":"~local"},
          "allocations":{"force_outgoing_ip":true,
            "default":{"ip":"203.0.113.5","port":25565},
            "mappings":{"203.0.113.5":[25565,0,70000,25566]}},
          "mounts":[{"source":"/srv","target":"/maps","read_only":true}],
          "crash_detection_enabled":false})",
      R"({"startup":{"done":["up","regex:^Ready"],"strip_ansi":true},
          "stop":{"type":"command","value":"stop"},"configs":[{"file":"a"}]})");
  CHECK(c.name == "demo");
  CHECK(c.suspended);
  CHECK(c.invocation == "./run");
  CHECK(c.skip_egg_scripts);
  CHECK(c.environment == std::vector<pair>{{"JAR", "server.jar"}});
  CHECK(c.build.memory == 2048);
  CHECK(c.build.swap == -1);
  CHECK(c.build.threads == "0-3");
  CHECK(c.build.oom_disabled);
  CHECK(c.disk_bytes() == std::int64_t{10'240} << 20);
  CHECK(c.image == "~local");
  CHECK(c.allocations.port == 25'565);
  REQUIRE(c.allocations.mappings.size() == 1);
  CHECK(c.allocations.mappings[0].second
        == std::vector<std::uint16_t>{25'565, 25'566});
  REQUIRE(c.mounts.size() == 1);
  CHECK(c.mounts[0].read_only);
  CHECK(c.crash_detection == false);
  CHECK(c.startup.done == std::vector<std::string>{"up", "regex:^Ready"});
  CHECK(c.startup.strip_ansi);
  CHECK(c.files == R"([{"file":"a"}])");
}

TEST_CASE("numbers in the environment have no decimals they lack", "[config]") {
  const auto c = parsed(R"({"environment":{"a":25565,"b":25565.0,"c":1.5,
                            "d":true,"e":null,"f":-3}})");
  CHECK(c.environment
        == std::vector<pair>{{"A", "25565"},
                             {"B", "25565"},
                             {"C", "1.5"},
                             {"D", "true"},
                             {"E", ""},
                             {"F", "-3"}});
}

TEST_CASE("what is missing, null or of another type is its default",
          "[config]") {
  for (const auto* settings :
       {"{}", "null", "[]", R"({"environment":[],"build":7,"mounts":null,
        "allocations":"x","container":[],"suspended":"yes"})"}) {
    const auto c = parsed(settings, "null");
    CHECK_FALSE(c.suspended);
    CHECK(c.environment.empty());
    CHECK(c.build.memory == 0);
    CHECK(c.disk_bytes() == 0);
    CHECK(c.allocations.mappings.empty());
    CHECK(c.image.empty());
    CHECK_FALSE(c.crash_detection);
    CHECK(c.startup.done.empty());
    CHECK(c.files == "[]");
  }
}

TEST_CASE("whether the kernel may kill has two names, and is yes unless said",
          "[config]") {
  const auto is_disabled = [](const std::string& build) {
    return parsed(R"({"build":)" + build + "}").build.oom_disabled;
  };
  CHECK(is_disabled(R"({"oom_disabled":true})"));
  CHECK(is_disabled(R"({"oom_killer":false})"));
  for (const auto* may :
       {"{}", R"({"oom_disabled":false})", R"({"oom_killer":true})",
        R"({"oom_killer":null})", R"({"oom_killer":0})"})
    CHECK_FALSE(is_disabled(may));
}

TEST_CASE("a number may come as a text, and none is out of range", "[config]") {
  const auto c = parsed(R"({"build":{"memory_limit":"2048","cpu_limit":1e300,
      "disk_space":18446744073709551615},
      "allocations":{"default":{"port":-1}}})");
  CHECK(c.build.memory == 2048);
  CHECK(c.build.cpu == 0);
  CHECK(c.disk_bytes() > 0);
  CHECK(c.allocations.port == 0);
}

TEST_CASE("what is no JSON object is no configuration", "[config]") {
  CHECK(parse_server_config("no").error().code == fault_code::malformed);
  CHECK(parse_server_config("[]").error().code == fault_code::malformed);
  CHECK(parse_server_config("{}"));
}

TEST_CASE("a server is stopped as its egg says", "[config]") {
  CHECK(stopped_by(R"({"type":"command","value":"stop"})").command == "stop");
  CHECK(stopped_by(R"({"type":"signal","value":"C"})").signal == "SIGINT");
  CHECK(stopped_by(R"({"type":"command","value":"^C"})").signal == "SIGINT");
  CHECK(stopped_by(R"({"type":"signal","value":"SIGTERM"})").signal
        == "SIGTERM");
  CHECK(stopped_by(R"({"type":"signal","value":"sigint"})").signal == "SIGINT");
  CHECK(stopped_by(R"({"type":"command","value":"^SIGINT"})").signal
        == "SIGINT");
  for (const auto* native :
       {R"({"type":"stop"})", "{}", "null", R"({"type":"command"})",
        R"({"type":"signal","value":""})"}) {
    CHECK(stopped_by(native).command.empty());
    CHECK(stopped_by(native).signal.empty());
  }
}
