#include "http/life_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

const auto base = "/api/servers/" + some_server;

struct life_api : api_world {
  explicit life_api(const std::string& kind) {
    auto server = std::make_shared<jobs::server_record>();
    server->uuid = jobs::server_id::parse(some_server).value();
    engine.servers = {server};
    job = engine.put(make_job(kind));
    engine.ticket = {job, jobs::accept_outcome::created};
  }
  std::string place() const {
    return "/api/jobs/" + job->record().id.to_string();
  }
  /// Another job that has the server; its id.
  std::string is_held_by(const std::string& kind) {
    auto holding = make_job(kind);
    holding.server = jobs::server_id::parse(some_server).value();
    engine.put(holding);
    return holding.id.to_string();
  }
  response start() {
    return ask("POST", base + "/power", R"({"action":"start"})");
  }
  jobs::job_view_ptr job;
};

/// In the answer to a start that is refused while such a job goes on.
void check_a_start_names(const std::string& kind) {
  life_api world{"server.power"};
  const auto holding = world.is_held_by(kind);
  world.engine.refuse_submit = fault{.code = fault_code::server_locked};
  const auto answer = world.start();
  CHECK(answer.status == 409);
  CHECK(json::parse(answer.body).at("owner_job") == holding);
}

} // namespace

TEST_CASE("a power action is 202 with its job", "[http]") {
  const auto action =
      GENERATE(as<std::string>{}, "start", "stop", "restart", "kill");
  life_api world{"server.power"};
  const auto answer =
      world.ask("POST", base + "/power",
                R"({"action":")" + action + R"(","wait_seconds":0})");
  CHECK(answer.status == 202);
  CHECK(answer.body.empty());
  CHECK(header_of(answer, "Location") == world.place());
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].kind == "server.power");
  // Nobody outside says why: what has a cause makes no wish.
  CHECK(json::parse(world.engine.submitted[0].body)
        == json{{"action", action}});
}

TEST_CASE("an action that is none of the four is 422", "[http]") {
  life_api world{"server.power"};
  for (const auto* body :
       {R"({"action":"explode"})", R"({"action":5})", R"({"action":null})",
        "{}", R"({"action":"start","wait_seconds":"x"})"})
    CHECK(world.ask("POST", base + "/power", body).status == 422);
  CHECK(world.ask("POST", base + "/power", "start").status == 400);
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("a suspended server is not started", "[http]") {
  life_api world{"server.power"};
  world.engine.refuse_submit = fault{.code = fault_code::server_suspended};
  const auto answer = world.start();
  CHECK(answer.status == 400);
  CHECK_FALSE(json::parse(answer.body).contains("owner_job"));
}

TEST_CASE("a server that is being deleted is not started, and its job is named",
          "[http]") {
  life_api world{"server.power"};
  const auto id = world.is_held_by("server.delete");
  world.engine.refuse_submit =
      fault{.code = fault_code::server_suspended, .what = "it is suspended"};
  const auto answer = world.start();
  CHECK(answer.status == 400); // as Wings answers
  CHECK(json::parse(answer.body).at("owner_job") == id);
  CHECK(json::parse(answer.body).at("detail")
        == "it is suspended; job " + id + " is deleting it");
}

TEST_CASE("a server in transfer is not started, and its job is named",
          "[http]") {
  check_a_start_names(GENERATE("server.transfer", "server.receive"));
}

TEST_CASE("a server that is restored is not started, and its job is named",
          "[http]") {
  check_a_start_names(GENERATE("backup.restore", "backup.undo_restore"));
}

TEST_CASE("an installation is 202 with its job", "[http]") {
  const auto word = GENERATE(as<std::string>{}, "install", "reinstall");
  life_api world{"server." + word};
  const auto answer = world.ask("POST", base + "/" + word);
  CHECK(answer.status == 202);
  CHECK(header_of(answer, "Location") == world.place());
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].kind == "server." + word);
}

TEST_CASE("an installation starts the server at its end when it is asked to",
          "[http]") {
  life_api world{"server.install"};
  const auto ask = [&](const std::string& body) {
    return world.ask("POST", base + "/install", body).status;
  };
  CHECK(ask(R"({"start_on_completion":true})") == 202);
  CHECK(ask(R"({"start_on_completion":false})") == 202);
  REQUIRE(world.engine.submitted.size() == 2);
  CHECK(world.engine.submitted[0].body == R"({"start_on_completion":true})");
  CHECK(world.engine.submitted[1].body == "{}");
  CHECK(ask("[") == 400);
  CHECK(ask(R"({"start_on_completion":"yes"})") == 422);
  CHECK(world.engine.submitted.size() == 2);
}

TEST_CASE("a sync is 204 when it is in force, and 202 when it takes longer",
          "[http]") {
  life_api world{"server.sync"};
  SECTION("in force") {
    world.engine.ticket = {world.engine.put(answered(make_job("server.sync"))),
                           jobs::accept_outcome::created};
    CHECK(world.ask("POST", base + "/sync").status == 204);
  }
  SECTION("not yet") {
    const auto call = world.send("POST", base + "/sync");
    REQUIRE(world.engine.waiting() == 1);
    world.engine.let_time_pass();
    CHECK(call->wait_for_answer()->status == 202);
  }
}

TEST_CASE("nothing lives that is not here", "[http]") {
  api_world world;
  for (const auto* word : {"/install", "/reinstall", "/sync"})
    CHECK(world.ask("POST", base + word).status == 404);
  for (const auto* body : {R"({"action":"kill"})", R"({"action":"fly"})", "["})
    CHECK(world.ask("POST", base + "/power", body).status == 404);
}
