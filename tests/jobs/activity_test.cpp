#include "jobs/activity.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace alula::jobs;
using nlohmann::json;

namespace {

activity sample() {
  return {.server = *server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11"),
          .user = "7B7C0000-1111-4222-8333-444455556666",
          .address = "198.51.100.7",
          .event = "server:console.command",
          .command = "say \"hi\"",
          .at = 1'800'000'000'045};
}

json row_of(const activity& what) {
  return json::parse(report_of(what).body).at("data").at(0);
}

} // namespace

TEST_CASE("what a user did is reported as the Panel wants it", "[jobs]") {
  const auto report = report_of(sample());
  CHECK(report.method == "POST");
  CHECK(report.path == "/activity");
  CHECK(report.subject == "activity:3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");
  CHECK(row_of(sample()) == json::parse(R"({
      "user":"7b7c0000-1111-4222-8333-444455556666",
      "server":"3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11",
      "event":"server:console.command",
      "metadata":{"command":"say \"hi\""},
      "ip":"198.51.100.7",
      "timestamp":"2027-01-15T08:00:00.045Z"})"));
}

TEST_CASE("what the Panel would refuse is left out of an activity", "[jobs]") {
  auto what = sample();
  what.event = "server:power.start";
  what.command.clear();
  what.user = "somebody";
  what.address = "a proxy";
  const auto row = row_of(what);
  CHECK(row.at("user").is_null());
  CHECK_FALSE(row.contains("ip"));
  CHECK(row.at("metadata") == json::object());
}

TEST_CASE("an address of version 6 is one", "[jobs]") {
  auto what = sample();
  what.address = "2001:db8::7";
  CHECK(row_of(what).at("ip") == "2001:db8::7");
}
