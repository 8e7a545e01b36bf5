#include "http/job_list_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

struct many_jobs : api_world {
  explicit many_jobs(int count = 5)
    : api_world({.cursor_secret = "a secret of the node"}) {
    for (int i = 0; i < count; ++i)
      newest_first.insert(newest_first.begin(),
                          engine.put(make_job())->record().id.to_string());
  }
  json list(std::string_view query) {
    const auto answer = ask("GET", "/api/jobs" + std::string{query});
    REQUIRE(answer.status == 200);
    return json::parse(answer.body);
  }
  std::string refusal(std::string_view query) {
    const auto answer = ask("GET", "/api/jobs" + std::string{query});
    CHECK(answer.status == 400);
    return code_of(answer);
  }
  const jobs::job_filter& asked_for(std::string_view query) {
    list(query);
    return engine.lists.back().filter;
  }

  std::vector<std::string> newest_first;
};

std::vector<std::string> ids_of(const json& page) {
  std::vector<std::string> out;
  for (const auto& item : page.at("items"))
    out.push_back(item.at("id"));
  return out;
}

} // namespace

TEST_CASE("jobs are listed newest first, fifty at a time", "[http]") {
  many_jobs world;
  const auto page = world.list("");
  CHECK(ids_of(page) == world.newest_first);
  CHECK(page.at("has_more") == false);
  CHECK(page.at("next").is_null());
  REQUIRE(world.engine.lists.size() == 1);
  CHECK(world.engine.lists[0].limit == 50);
  CHECK(world.engine.lists[0].before == 0);
}

TEST_CASE("an empty list is a list", "[http]") {
  many_jobs world{0};
  CHECK(world.ask("GET", "/api/jobs").body
        == R"({"items":[],"next":null,"has_more":false})");
}

TEST_CASE("pages follow one another by cursor and by Link", "[http]") {
  many_jobs world;
  const auto first =
      world.ask("GET", "/api/jobs?kind=server.*&limit=2&done=false");
  const auto page = json::parse(first.body);
  CHECK(page.at("has_more") == true);
  const auto cursor = page.at("next").get<std::string>();
  const auto link = header_of(first, "Link");
  CHECK(link
        == "</api/jobs?kind=server.%2A&limit=2&done=false&cursor=" + cursor
               + ">; rel=\"next\"");

  auto all = ids_of(page);
  auto target = link.substr(1, link.find('>') - 1);
  for (int pages = 1; !target.empty() && pages < 10; ++pages) {
    const auto answer = world.ask("GET", target);
    REQUIRE(answer.status == 200);
    for (const auto& id : ids_of(json::parse(answer.body)))
      all.push_back(id);
    const auto next = header_of(answer, "Link");
    target = next.empty() ? "" : next.substr(1, next.find('>') - 1);
  }
  CHECK(all == world.newest_first);
}

TEST_CASE("a page is cut to two hundred", "[http]") {
  many_jobs world{0};
  world.list("?limit=1000000");
  CHECK(world.engine.lists.back().limit == 200);
  world.list("?limit=1");
  CHECK(world.engine.lists.back().limit == 1);
}

TEST_CASE("filters reach the engine", "[http]") {
  many_jobs world;
  CHECK(world.asked_for("").kind.empty());
  CHECK(world.asked_for("?kind=backup.*").kind == "backup.*");
  CHECK(world.asked_for("?server=" + some_server).server.view() == some_server);
  CHECK(world.asked_for("?done=true").done == true);
  CHECK(world.asked_for("?done=false").done == false);
  CHECK(world.asked_for("?state=running,parked,running").states
        == std::vector{job_state::running, job_state::parked});
  CHECK(world.asked_for("?created_after=2027-01-15T08:00:00Z").created_after
        == 1'800'000'000'000);
  CHECK(world.asked_for("?created_after=2027-01-15T09:00:00%2B01:00")
            .created_after
        == 1'800'000'000'000);
  CHECK(world.asked_for("?created_after=1800000000000").created_after
        == 1'800'000'000'000);
  const auto& ids =
      world
          .asked_for("?ids=" + world.newest_first[1] + ","
                     + world.newest_first[0] + "," + world.newest_first[1])
          .ids;
  CHECK(ids.size() == 2);
}

TEST_CASE("a hundred ids are asked for at once, not more", "[http]") {
  many_jobs world{0};
  const auto query = [](int count) {
    std::string out = "?ids=";
    for (int i = 0; i < count; ++i)
      out += jobs::make_job_id(i).to_string() + ',';
    return out;
  };
  CHECK(world.asked_for(query(100)).ids.size() == 100);
  CHECK(world.refusal(query(101)) == "malformed");
}

TEST_CASE("a wrong filter is named", "[http]") {
  many_jobs world;
  const std::string name = GENERATE(
      as<std::string>{}, "ids=", "ids=x", "ids=,", "server=", "server=x",
      "server=8D3F2A10-5B7C-4E21-9A44-0C1D2E3F5A7D", "kind=", "kind=*",
      "kind=.*", "kind=a%00b", "kind=Backup", "state=", "state=active",
      "state=running,x", "done=", "done=1", "done=yes",
      "created_after=", "created_after=yesterday", "limit=", "limit=0",
      "limit=-1", "limit=x", "limit=1.5", "limit=99999999999999999999999",
      "offset=10", "sate=running", "done=true&done=false");
  CAPTURE(name);
  CHECK(world.refusal("?" + name) == "malformed");
  const auto body = json::parse(world.ask("GET", "/api/jobs?" + name).body);
  const auto parameter = name.substr(0, name.find('='));
  CHECK(body.at("detail").get<std::string>().find('"' + parameter + '"')
        != std::string::npos);
  CHECK(world.engine.lists.empty());
}

TEST_CASE("a cursor belongs to the filters it was made for", "[http]") {
  many_jobs world;
  const auto next = [&](std::string_view query) {
    return world.list(query).at("next").get<std::string>();
  };
  const auto cursor = next("?kind=server.*&state=running,parked&limit=2");
  SECTION("however they are spelled") {
    CHECK(
        world.list("?cursor=" + cursor + "&state=parked,running&kind=server.*")
            .at("items")
            .size()
        == 3);
  }
  SECTION("and to no others") {
    CHECK(world.refusal("?cursor=" + cursor) == "cursor-mismatch");
    CHECK(world.refusal("?kind=server.*&cursor=" + cursor)
          == "cursor-mismatch");
    const auto answer = world.ask("GET", "/api/servers/" + some_server
                                             + "/jobs?cursor=" + cursor);
    CHECK(code_of(answer) == "cursor-mismatch");
  }
  SECTION("and to this node") {
    many_jobs other;
    api_world stranger{{.cursor_secret = "another secret"}};
    CHECK(code_of(stranger.ask("GET", "/api/jobs?cursor=" + next("?limit=2")))
          == "cursor-mismatch");
  }
  SECTION("and cannot be made up") {
    CHECK(world.refusal("?cursor=") == "cursor-mismatch");
    CHECK(world.refusal("?cursor=2") == "cursor-mismatch");
    CHECK(world.refusal("?cursor=" + std::string(56, 'A'))
          == "cursor-mismatch");
  }
}

TEST_CASE("a list may be lean", "[http]") {
  many_jobs world{1};
  CHECK(world.list("?fields=id,state").at("items")[0]
        == json{{"id", world.newest_first[0]}, {"state", "running"}});
  CHECK(world.refusal("?fields=nope") == "malformed");
}

TEST_CASE("the jobs of one server are listed at its URL", "[http]") {
  many_jobs world;
  const auto url = "/api/servers/" + some_server + "/jobs";
  const auto answer = world.ask("GET", url + "?limit=2");
  CHECK(answer.status == 200);
  CHECK(world.engine.lists.back().filter.server.view() == some_server);
  CHECK(header_of(answer, "Link").starts_with("<" + url + "?limit=2&cursor="));
  CHECK(code_of(world.ask("GET", url + "?server=" + some_server))
        == "malformed");
  CHECK(code_of(world.ask("GET", "/api/servers/x/jobs")) == "server-not-found");
}

TEST_CASE("a ledger that cannot be read is its fault", "[http]") {
  many_jobs world;
  world.engine.refuse_list = fault{.code = fault_code::journal_unavailable};
  CHECK(world.ask("GET", "/api/jobs").status == 503);
}

TEST_CASE("the summary counts what the engine counts", "[http]") {
  api_world world;
  auto& counters = world.engine.counters;
  SECTION("nothing waits") {
    const auto body = json::parse(world.ask("GET", "/api/jobs/summary").body);
    CHECK(body.at("oldest_waiting_since").is_null());
    CHECK(body.at("pools") == json::array());
    CHECK(body.at("jobs")
          == json{{"by_state", json::object()}, {"by_kind", json::object()}});
  }
  SECTION("something does") {
    counters.jobs_by_state = {{"running", 2}};
    counters.jobs_by_kind = {{"server.delete", 2}};
    counters.pools = {{"lifecycle", 8, 2, 1}};
    counters.oldest_waiting_since = 1'800'000'000'000;
    counters.ended_since_boot = 9;
    CHECK(json::parse(world.ask("GET", "/api/jobs/summary").body)
          == json::parse(R"({
            "jobs":{"by_state":{"running":2},"by_kind":{"server.delete":2}},
            "pools":[{"name":"lifecycle","workers":8,"busy":2,"waiting":1,
                      "paused_at":null,"pause_reason":null,"paused_by":null}],
            "oldest_waiting_since":"2027-01-15T08:00:00.000Z",
            "ended_since_boot":9,
            "outbox":{"open":0,"dead":0,"oldest_open_since":null}})"));
  }
  SECTION("the Panel has not been told everything") {
    world.outbox.counted = {4, 1, 1'800'000'000'000};
    CHECK(json::parse(world.ask("GET", "/api/jobs/summary").body).at("outbox")
          == json{{"open", 4},
                  {"dead", 1},
                  {"oldest_open_since", "2027-01-15T08:00:00.000Z"}});
  }
}

// -- pools --------------------------------------------------------------------

namespace {

struct two_pools : api_world {
  two_pools() {
    engine.counters.pools = {{.name = "backup", .workers = 2, .waiting = 1},
                             {.name = "purge", .workers = 1}};
  }
};

} // namespace

TEST_CASE("pools are listed with what they do", "[http]") {
  two_pools world;
  const auto answer = world.ask("GET", "/api/pools");
  CHECK(answer.status == 200);
  CHECK(header_of(answer, "Cache-Control") == "no-cache");
  CHECK(json::parse(answer.body) == json::parse(R"({"items":[
             {"name":"backup","workers":2,"busy":0,"waiting":1,
              "paused_at":null,"pause_reason":null,"paused_by":null},
             {"name":"purge","workers":1,"busy":0,"waiting":0,
              "paused_at":null,"pause_reason":null,"paused_by":null}]})"));
}

TEST_CASE("a pool is paused with a reason or without, and resumed", "[http]") {
  two_pools world;
  const auto paused =
      world.ask("POST", "/api/pools/backup/pause", R"({"reason":"new disk"})");
  CHECK(paused.status == 200);
  const auto pool = json::parse(paused.body);
  CHECK(pool.at("name") == "backup");
  CHECK(pool.at("paused_at") == "2027-01-15T08:00:00.000Z");
  CHECK(pool.at("pause_reason") == "new disk");
  CHECK(pool.at("paused_by") == "the node's token");
  CHECK(json::parse(world.ask("GET", "/api/jobs/summary").body).at("pools")[0]
        == pool);
  CHECK(json::parse(world.ask("POST", "/api/pools/backup/pause").body) == pool);
  const auto silent =
      json::parse(world.ask("POST", "/api/pools/purge/pause").body);
  CHECK(silent.at("paused_at") == "2027-01-15T08:00:00.000Z");
  CHECK(silent.at("pause_reason") == "");
  for (int i = 0; i < 2; ++i) {
    const auto resumed = world.ask("POST", "/api/pools/backup/resume");
    CHECK(resumed.status == 200);
    CHECK(json::parse(resumed.body).at("paused_at").is_null());
  }
}

TEST_CASE("a pause of an unknown pool or with a wrong reason is refused",
          "[http]") {
  two_pools world;
  for (const auto* act : {"pause", "resume"}) {
    const auto answer =
        world.ask("POST", std::string{"/api/pools/bakcup/"} + act);
    CHECK(answer.status == 404);
    CHECK(code_of(answer) == "pool-not-found");
  }
  const auto wrong =
      world.ask("POST", "/api/pools/backup/pause", R"({"reason":7})");
  CHECK(wrong.status == 422);
  CHECK(json::parse(wrong.body).at("errors")[0].at("pointer") == "/reason");
  const auto broken = world.ask("POST", "/api/pools/backup/pause", "{");
  CHECK(broken.status == 400);
  CHECK(world.engine.counters.pools[0].paused_at == 0);
}

TEST_CASE("jobs are found by the beginning of an id", "[http]") {
  many_jobs world;
  CHECK(world.asked_for("?q=8d3f2a10").begins == "8d3f2a10");
  CHECK(world.asked_for("?q=" + some_job).begins == some_job);
  CHECK(world.refusal("?q=8d3f2a1") == "malformed");
  CHECK(world.refusal("?q=demo-server") == "malformed");
  CHECK(world.refusal("?q=" + some_job + "0") == "malformed");
  CHECK(world.refusal("?q=8d3f2a10&ids=" + some_job) == "malformed");
}
