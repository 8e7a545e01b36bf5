#include "http/outbox_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

jobs::report sample(std::int64_t row) {
  return {.row = row,
          .subject = "backup:" + some_server,
          .job = *jobs::job_id::parse(some_job),
          .server = *jobs::server_id::parse(some_server),
          .method = "POST",
          .path = "/backups/" + some_server,
          .body = R"({"secret":"sesame"})",
          .tries = 3,
          .http_status = 404,
          .error = "HTTP 404: not yet",
          .created_at = 1'800'000'000'000,
          .next_at = 1'800'000'060'000,
          .tried_at = 1'800'000'030'000};
}

} // namespace

TEST_CASE("the outbox tells what waits, since when, and why", "[http]") {
  api_world world;
  world.outbox.reports = {sample(7)};
  const auto answer = world.ask("GET", "/api/outbox");
  REQUIRE(answer.status == 200);
  CHECK(json::parse(answer.body).at("items") == json::parse(R"([{
          "report":7,"subject":"backup:8d3f2a10-5b7c-4e21-9a44-0c1d2e3f5a7d",
          "state":"waiting","method":"POST",
          "path":"/backups/8d3f2a10-5b7c-4e21-9a44-0c1d2e3f5a7d",
          "job":"/api/jobs/01970000-0000-7000-8000-000000000001",
          "server":"8d3f2a10-5b7c-4e21-9a44-0c1d2e3f5a7d",
          "created_at":"2027-01-15T08:00:00.000Z","tries":3,
          "last_try_at":"2027-01-15T08:00:30.000Z","last_status":404,
          "last_error":"HTTP 404: not yet",
          "next_try_at":"2027-01-15T08:01:00.000Z","ended_at":null}])"));
  CHECK(world.outbox.lists.at(0).which == jobs::report_group::unsettled);
  CHECK(answer.body.find("sesame") == std::string::npos);
}

TEST_CASE("a report that was never tried shows no try", "[http]") {
  api_world world;
  auto fresh = sample(1);
  fresh.tries = 0;
  fresh.http_status = 0;
  fresh.error.clear();
  fresh.tried_at = 0;
  fresh.job = {};
  fresh.state = jobs::report_state::behind;
  world.outbox.reports = {fresh};
  const auto item =
      json::parse(world.ask("GET", "/api/outbox").body).at("items").at(0);
  for (const auto* name : {"last_try_at", "last_status", "last_error", "job",
                           "next_try_at", "ended_at"})
    CHECK(item.at(name).is_null());
}

TEST_CASE("the outbox is read page by page, by what became of reports",
          "[http]") {
  api_world world;
  for (int i = 1; i <= 3; ++i)
    world.outbox.reports.push_back(sample(i));
  const auto first =
      json::parse(world.ask("GET", "/api/outbox?state=all&limit=2").body);
  CHECK(first.at("items").size() == 2);
  REQUIRE(first.at("has_more") == true);
  const auto cursor = first.at("next").get<std::string>();
  const auto next = json::parse(
      world.ask("GET", "/api/outbox?state=all&limit=2&cursor=" + cursor).body);
  CHECK(next.at("items").size() == 1);
  CHECK(next.at("has_more") == false);
  CHECK(world.outbox.lists.back().which == jobs::report_group::all);
  CHECK(world.outbox.lists.back().after == 2);
  // Of another question.
  CHECK(code_of(world.ask("GET", "/api/outbox?cursor=" + cursor))
        == "cursor-mismatch");
  world.ask("GET", "/api/outbox?state=dead");
  CHECK(world.outbox.lists.back().which == jobs::report_group::dead);
  world.ask("GET", "/api/outbox?state=open");
  CHECK(world.outbox.lists.back().which == jobs::report_group::open);
}

TEST_CASE("a question to the outbox that makes no sense is 400", "[http]") {
  api_world world;
  for (const auto* query : {"state=asleep", "limit=0", "what=1"})
    CHECK(world.ask("GET", std::string{"/api/outbox?"} + query).status == 400);
  CHECK(world.outbox.lists.empty());
}

TEST_CASE("an outbox that cannot be read says so", "[http]") {
  api_world world;
  world.outbox.refuse = fault{.code = fault_code::rate_limited, .what = "busy"};
  CHECK(world.ask("GET", "/api/outbox").status == 429);
}

TEST_CASE("a dead report is told again by a new one", "[http]") {
  api_world world;
  world.repeats.answer = sample(8);
  const auto answer = world.ask("POST", "/api/outbox/7/retry");
  CHECK(answer.status == 202);
  CHECK(json::parse(answer.body).at("report") == 8);
  CHECK(answer.body.find("sesame") == std::string::npos);
  CHECK(world.repeats.asked == std::vector<std::int64_t>{7});
}

TEST_CASE("what is no dead report is not told again", "[http]") {
  api_world world;
  for (const auto* number : {"x", "0", "-1", "7x", "99999999999999999999"})
    CHECK(world.ask("POST", std::string{"/api/outbox/"} + number + "/retry")
              .status
          == 404);
  CHECK(world.repeats.asked.empty());
  world.repeats.answer = fault{.code = fault_code::not_parked};
  CHECK(world.ask("POST", "/api/outbox/7/retry").status == 409);
}
