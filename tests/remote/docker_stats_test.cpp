#include "remote/docker_stats.hpp"

#include <catch2/catch.hpp>

using alula::remote::read_stats;

namespace {

std::string record(const std::string& memory, const std::string& cores) {
  return R"({"read":"2026-11-20T18:54:12Z","preread":"2026-11-20T18:54:11Z",
    "cpu_stats":{"cpu_usage":{"total_usage":3500,"percpu_usage":[1,2,3,4]},
                 "system_cpu_usage":20000)"
         + cores + R"(},
    "precpu_stats":{"cpu_usage":{"total_usage":3000},
                    "system_cpu_usage":18000},
    "memory_stats":)"
         + memory + R"(,
    "networks":{"eth0":{"rx_bytes":10,"tx_bytes":1},
                "eth1":{"rx_bytes":20,"tx_bytes":2}}})";
}

} // namespace

TEST_CASE("memory is without the inactive file cache", "[remote]") {
  SECTION("of cgroup v1, which counts it in total") {
    const auto sample = read_stats(record(
        R"({"usage":1000,"limit":5000,
            "stats":{"total_inactive_file":300,"inactive_file":1}})",
        ""));
    REQUIRE(sample);
    CHECK(sample->memory_bytes == 700);
    CHECK(sample->memory_limit_bytes == 5'000);
  }
  SECTION("of cgroup v2") {
    const auto sample = read_stats(record(
        R"({"usage":1000,"limit":1,"stats":{"inactive_file":200}})", ""));
    REQUIRE(sample);
    CHECK(sample->memory_bytes == 800);
  }
  SECTION("unless there would be nothing left") {
    CHECK(
        read_stats(record(R"({"usage":100,"stats":{"inactive_file":200}})", ""))
            ->memory_bytes
        == 100);
  }
  SECTION("and a limit that is none does not overflow") {
    CHECK(read_stats(record(R"({"usage":1,"limit":18446744073709551615})", ""))
              ->memory_limit_bytes
          == INT64_MAX);
  }
}

TEST_CASE("CPU is in percent of one core, as Docker reckons it", "[remote]") {
  CHECK(read_stats(record(R"({"usage":1})", R"(,"online_cpus":2)"))->cpu_percent
        == Approx(50));
  // Old daemons do not say how many cores are online.
  CHECK(read_stats(record(R"({"usage":1})", ""))->cpu_percent == Approx(100));
}

TEST_CASE("networks are added up", "[remote]") {
  const auto sample = read_stats(record(R"({"usage":1})", ""));
  REQUIRE(sample);
  CHECK(sample->received_bytes == 30);
  CHECK(sample->sent_bytes == 3);
}

TEST_CASE("what does not run has no sample", "[remote]") {
  CHECK_FALSE(read_stats(R"({"read":"0001-01-01T00:00:00Z","cpu_stats":{},
                             "memory_stats":{}})"));
  CHECK_FALSE(read_stats(R"({"read":"2026-11-20T18:54:12Z",
                             "cpu_stats":{"cpu_usage":{"total_usage":0}},
                             "memory_stats":{}})"));
  for (const std::string text : {"", "[]", "{}", "null", "{\"read\":1}", "x",
                                 R"({"read":"2026","memory_stats":[1]})"})
    CHECK_FALSE(read_stats(text));
  CHECK_FALSE(read_stats(std::string(100'000, '[')));
}
