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
  CHECK(world.engine.submitted[0].body.empty());
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
