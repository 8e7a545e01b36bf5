#include "http/server_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

jobs::server_ptr make_server(const std::string& uuid = some_server) {
  auto out = std::make_shared<jobs::server_record>();
  out->uuid = jobs::server_id::parse(uuid).value();
  return out;
}

/// No uuid that a server can have; an upper-case one among them.
const auto no_uuids = {"8D3F2A10-5B7C-4E21-9A44-0C1D2E3F5A7D", "x", "..",
                       "8d3f2a10"};

} // namespace

TEST_CASE("an empty node lists no servers", "[http]") {
  api_world world;
  const auto answer = world.ask("GET", "/api/servers");
  CHECK(answer.status == 200);
  CHECK(answer.body == "[]");
  CHECK(header_of(answer, "Content-Type") == "application/json; charset=utf-8");
}

TEST_CASE("all servers are listed", "[http]") {
  api_world world;
  world.engine.servers = {make_server(), make_server()};
  CHECK(json::parse(world.ask("GET", "/api/servers").body).size() == 2);
}

TEST_CASE("servers come in pages when that is asked for", "[http]") {
  api_world world;
  for (int row = 1; row <= 5; ++row) {
    auto server = *make_server();
    server.row = row;
    server.created_at = row;
    world.engine.servers.push_back(
        std::make_shared<const jobs::server_record>(std::move(server)));
  }
  const auto page_of = [&](const std::string& query) {
    const auto answer = world.ask("GET", "/api/servers?" + query);
    REQUIRE(answer.status == 200);
    return json::parse(answer.body);
  };
  const auto first = page_of("limit=3");
  CHECK(first.at("items").size() == 3);
  REQUIRE(first.at("has_more") == true);
  const auto second =
      page_of("limit=3&cursor=" + first.at("next").get<std::string>());
  CHECK(second.at("items").size() == 2);
  CHECK(second.at("has_more") == false);
  CHECK(second.at("next").is_null());
  CHECK(page_of("limit=5").at("next").is_null());
  CHECK(world.ask("GET", "/api/servers?limit=x").status == 400);
  CHECK(code_of(world.ask("GET", "/api/servers?cursor=x"))
        == "cursor-mismatch");
}

TEST_CASE("one server is shown with what Docker says", "[http]") {
  api_world world;
  world.engine.servers = {make_server()};
  world.engine.container =
      std::optional{jobs::container_info{.status = "running", .running = true}};
  const auto answer = world.ask("GET", "/api/servers/" + some_server);
  CHECK(answer.status == 200);
  const auto body = json::parse(answer.body);
  CHECK(body.at("state") == "running");
  CHECK(body.at("configuration").at("uuid") == some_server);
}

TEST_CASE("a silent Docker does not hide a server", "[http]") {
  api_world world;
  world.engine.servers = {make_server()};
  world.engine.container = fault{.code = fault_code::docker_unavailable};
  const auto answer = world.ask("GET", "/api/servers/" + some_server);
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body).at("state_known") == false);
}

TEST_CASE("a server that is not here is 404", "[http]") {
  api_world world;
  const auto answer = world.ask("GET", "/api/servers/" + some_server);
  CHECK(answer.status == 404);
  CHECK(code_of(answer) == "server-not-found");
}

TEST_CASE("what is no uuid is no server", "[http]") {
  api_world world;
  world.engine.servers = {make_server()};
  for (const std::string text : no_uuids) {
    CAPTURE(text);
    CHECK(code_of(world.ask("GET", "/api/servers/" + text))
          == "server-not-found");
    CHECK(code_of(world.ask("DELETE", "/api/servers/" + text))
          == "server-not-found");
  }
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("a delete asks the engine for that server's delete", "[http]") {
  api_world world;
  world.engine.ticket = {world.engine.put(answered(make_job())),
                         jobs::accept_outcome::created};
  CHECK(world.ask("DELETE", "/api/servers/" + some_server).status == 204);
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].kind == "server.delete");
  CHECK(world.engine.submitted[0].server.view() == some_server);
  CHECK(world.engine.submitted[0].body == R"({"backups":"keep"})");
}

TEST_CASE("what becomes of the backups stands in the request or the settings",
          "[http]") {
  const bool deletes = GENERATE(false, true);
  api_world world{{.delete_backups_with_server = deletes}};
  const auto url = "/api/servers/" + some_server;
  world.engine.ticket = {world.engine.put(answered(make_job())),
                         jobs::accept_outcome::created};
  world.send("DELETE", url);
  world.send("DELETE", url + "?backups=keep");
  world.send("DELETE", url + "?backups=delete");
  REQUIRE(world.engine.submitted.size() == 3);
  CHECK(json::parse(world.engine.submitted[0].body).at("backups")
        == (deletes ? "delete" : "keep"));
  CHECK(json::parse(world.engine.submitted[1].body).at("backups") == "keep");
  CHECK(json::parse(world.engine.submitted[2].body).at("backups") == "delete");
  CHECK(world.ask("DELETE", url + "?backups=maybe").status == 400);
}

TEST_CASE("a delete of an unknown server is 404", "[http]") {
  api_world world;
  world.engine.refuse_submit = fault{.code = fault_code::server_not_found};
  const auto answer = world.ask("DELETE", "/api/servers/" + some_server);
  CHECK(answer.status == 404);
  CHECK(code_of(answer) == "server-not-found");
}

TEST_CASE("a created server is 202 without a body", "[http]") {
  api_world world;
  const auto job = world.engine.put(make_job("server.create"));
  world.engine.ticket = {job, jobs::accept_outcome::created};
  const auto answer = world.ask(
      "POST", "/api/servers",
      R"({"uuid":")" + some_server
          + R"(","start_on_completion":false,"settings":{"suspended":null}})");
  CHECK(answer.status == 202);
  CHECK(answer.body.empty());
  CHECK(header_of(answer, "Location")
        == "/api/jobs/" + job->record().id.to_string());
  REQUIRE(world.engine.submitted.size() == 1);
  const auto& what = world.engine.submitted[0];
  CHECK(what.kind == "server.create");
  CHECK(what.server.view() == some_server);
  CHECK(json::parse(what.body)
        == json::parse(R"({"uuid":")" + some_server
                       + R"(","start_on_completion":false,"settings":{}})"));
}

TEST_CASE("a wrong body of a create is 422 with its pointers", "[http]") {
  api_world world;
  const auto answer = world.ask("POST", "/api/servers",
                                R"({"uuid":")" + some_server
                                    + R"(","settings":{"suspended":"no"}})");
  CHECK(answer.status == 422);
  CHECK(code_of(answer) == "validation");
  const auto errors = json::parse(answer.body).at("errors");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].at("pointer") == "/settings/suspended");
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("a body of a create that is no JSON is 400", "[http]") {
  api_world world;
  const auto answer = world.ask("POST", "/api/servers", "uuid=1");
  CHECK(answer.status == 400);
  CHECK(code_of(answer) == "malformed");
}

TEST_CASE("a uuid that is taken is 409", "[http]") {
  api_world world;
  world.engine.refuse_submit = fault{.code = fault_code::server_exists};
  const auto answer =
      world.ask("POST", "/api/servers",
                R"({"uuid":")" + some_server + R"(","settings":{}})");
  CHECK(answer.status == 409);
  CHECK(code_of(answer) == "server-exists");
}

TEST_CASE("a server that a boot has found on the Panel's list is created all "
          "the same",
          "[http]") {
  api_world world{{.has_panel = true}};
  auto registered = *make_server();
  registered.state =
      GENERATE(jobs::server_state::creating, jobs::server_state::active);
  world.engine.servers = {
      std::make_shared<const jobs::server_record>(registered)};
  world.engine.refuse_kind["server.create"] = {.code =
                                                   fault_code::server_exists};
  const auto job = world.engine.put(make_job("server.install"));
  world.engine.ticket = {job, jobs::accept_outcome::created};
  const auto answer = world.ask("POST", "/api/servers",
                                R"({"uuid":")" + some_server
                                    + R"(","start_on_completion":true})");
  CHECK(answer.status == 202);
  CHECK(header_of(answer, "Location")
        == "/api/jobs/" + job->record().id.to_string());
  REQUIRE(world.engine.submitted.size() == 2);
  CHECK(world.engine.submitted[1].kind == "server.install");
  CHECK(world.engine.submitted[1].server.view() == some_server);
  CHECK(world.engine.submitted[1].body == R"({"start_on_completion":true})");
}

TEST_CASE("a server that was installed is not created again", "[http]") {
  api_world world{{.has_panel = true}};
  world.engine.refuse_kind["server.create"] = {.code =
                                                   fault_code::server_exists};
  auto known = *make_server();
  known.state = jobs::server_state::active;
  std::string body = R"({"uuid":")" + some_server + "\"}";
  SECTION("nor is one that is about to be") {
    known.install =
        GENERATE(jobs::install_state::wanted, jobs::install_state::running,
                 jobs::install_state::done, jobs::install_state::failed);
  }
  SECTION("nor is one that somebody else describes") {
    body = R"({"uuid":")" + some_server + R"(","settings":{}})";
  }
  world.engine.servers = {std::make_shared<const jobs::server_record>(known)};
  const auto answer = world.ask("POST", "/api/servers", body);
  CHECK(answer.status == 409);
  CHECK(code_of(answer) == "server-exists");
  CHECK(world.engine.submitted.size() == 1);
  CHECK_FALSE(json::parse(answer.body).contains("owner_job"));
}

TEST_CASE("a server that is being deleted is not created, and its job is named",
          "[http]") {
  api_world world{{.has_panel = true}};
  world.engine.refuse_kind["server.create"] = {.code =
                                                   fault_code::server_exists};
  auto known = *make_server();
  known.state = jobs::server_state::deleting;
  world.engine.servers = {std::make_shared<const jobs::server_record>(known)};
  auto deletion = make_job("server.delete");
  deletion.server = known.uuid;
  world.engine.put(deletion);
  const auto answer =
      world.ask("POST", "/api/servers", R"({"uuid":")" + some_server + "\"}");
  CHECK(answer.status == 409);
  CHECK(code_of(answer) == "server-exists");
  const auto body = json::parse(answer.body);
  const auto id = deletion.id.to_string();
  CHECK(body.at("owner_job") == id);
  CHECK(body.at("detail") == "job " + id + " is deleting it");
  CHECK(world.engine.submitted.size() == 1);
}
