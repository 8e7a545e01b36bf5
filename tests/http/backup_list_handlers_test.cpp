#include "http/backup_list_handlers.hpp"
#include "tests/http/backup_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

struct many_backups : backup_world {
  many_backups() {
    for (int i = 1; i < 5; ++i) {
      auto next = backup();
      next.uuid = jobs::backup_id::parse("00000000-0000-4000-8000-00000000000"
                                         + std::to_string(i))
                      .value();
      desk.put(next);
    }
  }
};

} // namespace

TEST_CASE("the backups of a server come newest first, page by page", "[http]") {
  many_backups world;
  const auto first = world.ask("GET", backups_url + "?limit=2");
  CHECK(first.status == 200);
  auto body = json::parse(first.body);
  REQUIRE(body.at("items").size() == 2);
  CHECK(body.at("items")[0].at("uuid")
        == "00000000-0000-4000-8000-000000000004");
  CHECK(body.at("has_more") == true);
  const auto next = body.at("next").get<std::string>();
  CHECK(header_of(first, "Link")
        == "<" + backups_url + "?limit=2&cursor=" + next + ">; rel=\"next\"");
  const auto second = world.ask("GET", backups_url + "?cursor=" + next);
  body = json::parse(second.body);
  CHECK(body.at("items").size() == 3);
  CHECK(body.at("next").is_null());
  CHECK(code_of(world.ask("GET", "/api/backups?cursor=" + next))
        == "cursor-mismatch");
}

TEST_CASE("a server that is gone still lists what is kept of it", "[http]") {
  backup_world world;
  world.lose_server();
  CHECK(json::parse(world.ask("GET", backups_url).body).at("items").size()
        == 1);
  world.desk.backups.clear();
  CHECK(code_of(world.ask("GET", backups_url)) == "server-not-found");
}

TEST_CASE("a server without backups has an empty list", "[http]") {
  backup_world world;
  world.desk.backups.clear();
  CHECK(world.ask("GET", backups_url).body
        == R"({"items":[],"next":null,"has_more":false})");
}

TEST_CASE("the node's backups are filtered", "[http]") {
  backup_world world;
  world.ask("GET", "/api/backups?orphaned=true&state=ready&limit=999&server="
                       + some_server);
  REQUIRE(world.desk.lists.size() == 1);
  const auto& asked = world.desk.lists[0];
  CHECK(asked.filter.orphaned);
  CHECK(asked.filter.state == jobs::backup_state::ready);
  CHECK(asked.filter.server.view() == some_server);
  CHECK(asked.limit == 200);
}

TEST_CASE("a filter that is none is 400", "[http]") {
  backup_world world;
  for (const auto* query :
       {"orphaned=yes", "state=gone", "limit=0", "limit=x", "server=x",
        "colour=red", "state=ready&state=ready", "cursor=x"}) {
    CAPTURE(query);
    CHECK(world.ask("GET", std::string{"/api/backups?"} + query).status == 400);
  }
  CHECK(world.ask("GET", backups_url + "?orphaned=true").status == 400);
  CHECK(world.desk.lists.empty());
}

TEST_CASE("usage tells each disk once, with what it holds", "[http]") {
  backup_world world;
  world.desk.used.disk = {.free = 1,
                          .total = 9,
                          .reserved = 2,
                          .unused = 4,
                          .device = 7,
                          .kept_free = 1};
  world.desk.used.places = {
      {"volumes",
       {.free = 3,
        .total = 9,
        .reserved = 4,
        .unused = 11,
        .device = 6,
        .kept_free = 4}},
      {"ledger",
       {.free = 1, .total = 9, .reserved = 2, .unused = 4, .device = 7}},
      {"else", {.free = 0, .total = 6, .device = 0}}};
  const auto body = json::parse(world.ask("GET", "/api/backups/usage").body);
  CHECK(body.at("disks") == json::parse(R"([
      {"holds": ["backups", "ledger"],
       "free": 1, "total": 9, "reserved": 2, "unused": 4,
       "kept_free": 1, "room": "enough"},
      {"holds": ["volumes"],
       "free": 3, "total": 9, "reserved": 4, "unused": 11,
       "kept_free": 4, "room": "little"},
      {"holds": ["else"],
       "free": 0, "total": 6, "reserved": 0, "unused": 0,
       "kept_free": 0, "room": "none"}])"));
}

TEST_CASE("usage tells bytes per server and of the disk", "[http]") {
  backup_world world;
  world.desk.used.servers.push_back(
      {.server = jobs::server_id::parse(some_server).value(),
       .server_lives = true,
       .backups = 2,
       .bytes = 30,
       .local_bytes = 20,
       .newest_at = 1'799'999'000'000});
  world.desk.used.servers.push_back({.backups = 1, .bytes = 5});
  world.desk.used.backups = 3;
  world.desk.used.bytes = 35;
  world.desk.used.local_bytes = 25;
  world.desk.used.disk = {
      .free = 100, .total = 200, .reserved = 7, .unused = 120, .kept_free = 13};
  const auto body = json::parse(world.ask("GET", "/api/backups/usage").body);
  CHECK(body.at("bytes") == 35);
  CHECK(body.at("local_bytes") == 25);
  CHECK(body.at("disk")
        == json{{"free", 100},
                {"total", 200},
                {"reserved", 7},
                {"unused", 120},
                {"kept_free", 13},
                {"room", "enough"}});
  REQUIRE(body.at("servers").size() == 2);
  CHECK(body.at("servers")[0].at("server") == some_server);
  CHECK(body.at("servers")[0].at("local_bytes") == 20);
  CHECK(body.at("servers")[0].at("newest_at") == "2027-01-15T07:43:20.000Z");
  CHECK(body.at("servers")[1].at("server").is_null());
  CHECK(body.at("servers")[1].at("newest_verified_at").is_null());
}
