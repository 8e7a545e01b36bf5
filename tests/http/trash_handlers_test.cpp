#include "http/trash_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

using namespace alula;
using namespace alula::http;

namespace {

struct full_trash : api_world {
  explicit full_trash(std::string state = "held") {
    const auto id = jobs::job_id::parse(some_job).value();
    engine.trash = {{.deleted_by = id,
                     .server = jobs::server_id::parse(some_server).value(),
                     .server_name = "castle",
                     .name = some_job,
                     .state = std::move(state),
                     .detached_at = 1'799'999'000'000,
                     .purge_after = 1'800'000'600'000}};
    engine.ticket = {engine.put(make_job("server.undelete")),
                     jobs::accept_outcome::created};
  }
  const std::string restore = "/api/trash/" + some_job + "/restore";
};

} // namespace

TEST_CASE("an empty trash is a list", "[http]") {
  api_world world;
  CHECK(world.ask("GET", "/api/trash").body
        == R"({"items":[],"next":null,"has_more":false})");
}

TEST_CASE("the trash says what can be brought back, and until when", "[http]") {
  full_trash world;
  CHECK(json::parse(world.ask("GET", "/api/trash").body).at("items")[0]
        == json::parse(R"({
          "job":"01970000-0000-7000-8000-000000000001",
          "server":"8d3f2a10-5b7c-4e21-9a44-0c1d2e3f5a7d",
          "server_name":"castle",
          "state":"held",
          "detached_at":"2027-01-15T07:43:20.000Z",
          "purge_after":"2027-01-15T08:10:00.000Z",
          "links":{
            "job":"/api/jobs/01970000-0000-7000-8000-000000000001",
            "restore":"/api/trash/01970000-0000-7000-8000-000000000001/restore"}
        })"));
}

TEST_CASE("what had no name has none in the trash", "[http]") {
  full_trash world;
  world.engine.trash[0].server_name.clear();
  CHECK(json::parse(world.ask("GET", "/api/trash").body)
            .at("items")[0]
            .at("server_name")
            .is_null());
}

TEST_CASE("the trash comes in pages, the last deleted first", "[http]") {
  full_trash world;
  const auto first = world.engine.trash[0];
  world.engine.trash.clear();
  for (int i = 1; i <= 7; ++i) {
    auto entry = first;
    entry.server_row = i;
    entry.detached_at += i / 3; // some in one millisecond
    entry.purge_after = 1'800'000'000'000 + i;
    world.engine.trash.push_back(entry);
  }
  std::vector<std::string> seen;
  std::string url = "/api/trash?limit=3";
  for (int pages = 1;; ++pages) {
    const auto answer = world.ask("GET", url);
    REQUIRE(answer.status == 200);
    const auto page = json::parse(answer.body);
    for (const auto& item : page.at("items"))
      seen.push_back(item.at("purge_after"));
    CHECK(page.at("has_more") == !page.at("next").is_null());
    if (page.at("next").is_null()) {
      CHECK(pages == 3);
      break;
    }
    CHECK(header_of(answer, "Link").find("cursor=") != std::string::npos);
    url = "/api/trash?limit=3&cursor=" + page.at("next").get<std::string>();
  }
  REQUIRE(seen.size() == 7);
  CHECK(std::ranges::is_sorted(seen, std::greater{}));
  CHECK(std::ranges::adjacent_find(seen) == seen.end());
  CHECK(code_of(world.ask("GET", "/api/servers?cursor=" + url.substr(26)))
        == "cursor-mismatch");
  CHECK(world.ask("GET", "/api/trash?limit=0").status == 400);
  CHECK(world.ask("GET", "/api/trash?state=held").status == 400);
}

TEST_CASE("what is purged or past its time offers no restore", "[http]") {
  full_trash world{GENERATE(as<std::string>{}, "held", "purging", "restoring")};
  if (world.engine.trash[0].state == "held")
    world.clock.advance(std::chrono::hours{1});
  CHECK(json::parse(world.ask("GET", "/api/trash").body)
            .at("items")[0]
            .at("links")
            .at("restore")
            .is_null());
}

TEST_CASE("a restore is 202 with the job that brings the server back",
          "[http]") {
  full_trash world;
  const auto answer = world.ask("POST", world.restore);
  CHECK(answer.status == 202);
  CHECK(json::parse(answer.body).at("kind") == "server.undelete");
  CHECK_FALSE(header_of(answer, "Location").empty());
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].kind == "server.undelete");
  CHECK(world.engine.submitted[0].subject.view() == some_job);
}

TEST_CASE("what is no id of a job has nothing in the trash", "[http]") {
  full_trash world;
  const auto answer = world.ask("POST", "/api/trash/x/restore");
  CHECK(answer.status == 404);
  CHECK(code_of(answer) == "trash-not-found");
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("a repeated restore is told so", "[http]") {
  full_trash world;
  world.engine.ticket.outcome = jobs::accept_outcome::replayed;
  const auto answer =
      world.ask("POST", world.restore, {}, {{"Idempotency-Key", "again"}});
  CHECK(answer.status == 202);
  CHECK(header_of(answer, "Idempotency-Replayed") == "true");
  CHECK(world.engine.submitted.at(0).key->key == "again");
}

TEST_CASE("a restore that cannot be is its fault", "[http]") {
  full_trash world;
  const auto [code, status] =
      GENERATE(table<fault_code, int>({{fault_code::trash_not_found, 404},
                                       {fault_code::server_exists, 409},
                                       {fault_code::server_locked, 409}}));
  world.engine.refuse_submit = fault{.code = code};
  CHECK(world.ask("POST", world.restore).status == status);
}

TEST_CASE("a trash that cannot be read is its fault", "[http]") {
  full_trash world;
  world.engine.refuse_trash = fault{.code = fault_code::journal_unavailable};
  CHECK(world.ask("GET", "/api/trash").status == 503);
}
