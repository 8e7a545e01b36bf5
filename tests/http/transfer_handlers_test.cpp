#include "http/transfer_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

const auto transfer_url = "/api/servers/" + some_server + "/transfer";

struct transfer_api : api_world {
  transfer_api()
    : api_world(api_settings{.check_node = [](const std::string& url) {
        return url.find("169.254.") == std::string::npos
                   ? jobs::status{}
                   : jobs::status{fault{.code = fault_code::link_refused,
                                        .what = "no node can be there"}};
      }}) {
    server->uuid = jobs::server_id::parse(some_server).value();
    engine.servers = {server};
  }

  static std::string
  body(const std::string& url = "https://node2.example:8080/api/transfers") {
    return json{{"url", url}, {"token", "Bearer eyJ.secret.words"}}.dump();
  }
  /// A transfer of the server that is under way, and what submits become.
  jobs::job_view_ptr put_job(const std::string& kind) {
    auto record = make_job(kind);
    record.server = server->uuid;
    auto view = engine.put(record);
    engine.ticket = {view, jobs::accept_outcome::created};
    return view;
  }
  static std::string place(const jobs::job_view_ptr& job) {
    return "/api/jobs/" + job->record().id.to_string();
  }

  std::shared_ptr<jobs::server_record> server =
      std::make_shared<jobs::server_record>();
};

} // namespace

TEST_CASE("a transfer is 202 with its job", "[http][transfer]") {
  transfer_api world;
  auto record = make_job("server.transfer");
  record.server = {}; // not under way already
  const auto job = world.engine.put(record);
  world.engine.ticket = {job, jobs::accept_outcome::created};
  const auto answer = world.ask("POST", transfer_url, world.body());
  CHECK(answer.status == 202);
  CHECK(answer.body.empty());
  CHECK(header_of(answer, "Location") == world.place(job));
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].kind == "server.transfer");
}

TEST_CASE("a transfer to where no node can be is 400 before there is a job",
          "[http][transfer]") {
  transfer_api world;
  CHECK(world.ask("POST", transfer_url, "{}").status == 400);
  CHECK(world.ask("POST", transfer_url, R"({"url":"https://a.test/"})").status
        == 400);
  CHECK(world.ask("POST", transfer_url, "no json").status == 400);
  CHECK(code_of(world.ask("POST", transfer_url,
                          world.body("http://169.254.169.254/latest")))
        == "link-refused");
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("a server that is not here is not sent", "[http][transfer]") {
  transfer_api world;
  world.engine.servers.clear();
  CHECK(world.ask("POST", transfer_url, world.body()).status == 404);
  CHECK(world.ask("POST", transfer_url, "{}").status == 404);
  CHECK(world.ask("DELETE", transfer_url).status == 404);
}

TEST_CASE("a server in transfer is 409, with the job that sends it",
          "[http][transfer]") {
  transfer_api world;
  world.engine.refuse_submit = fault{.code = fault_code::server_locked};
  SECTION("one is under way") {
    const auto job = world.put_job("server.transfer");
    const auto answer = world.ask("POST", transfer_url, world.body());
    CHECK(answer.status == 409);
    CHECK(json::parse(answer.body).at("owner_job")
          == job->record().id.to_string());
  }
  SECTION("the other node has it") {
    world.server->transferring = true;
    const auto answer = world.ask("POST", transfer_url, world.body());
    CHECK(answer.status == 409);
    CHECK(code_of(answer) == "server-locked");
    CHECK_FALSE(json::parse(answer.body).contains("owner_job"));
    CHECK_THAT(answer.body, Catch::Contains("waits for the Panel"));
  }
}

TEST_CASE("a node that sends nothing says so", "[http][transfer]") {
  api_world world;
  auto server = std::make_shared<jobs::server_record>();
  server->uuid = jobs::server_id::parse(some_server).value();
  world.engine.servers = {server};
  CHECK(world.ask("POST", transfer_url, transfer_api::body()).status == 501);
}

TEST_CASE("a transfer is cancelled with 202, and 409 when there is none",
          "[http][transfer]") {
  transfer_api world;
  CHECK(code_of(world.ask("DELETE", transfer_url)) == "not-transferring");
  world.server->transferring = true;
  SECTION("it is under way") {
    const auto job = world.put_job("server.transfer");
    const auto answer = world.ask("DELETE", transfer_url);
    CHECK(answer.status == 202);
    CHECK(header_of(answer, "Location") == world.place(job));
    CHECK(world.engine.cancelled
          == std::vector<jobs::job_id>{job->record().id});
  }
  SECTION("it is too late") {
    world.put_job("server.transfer");
    world.engine.refuse_cancel = fault{.code = fault_code::past_pivot};
    CHECK(world.ask("DELETE", transfer_url).status == 409);
  }
  SECTION("it has ended meanwhile") {
    world.put_job("server.transfer");
    world.engine.refuse_cancel = fault{.code = fault_code::already_finished};
    CHECK(code_of(world.ask("DELETE", transfer_url)) == "not-transferring");
  }
  SECTION("it comes from another node") {
    world.server->state = jobs::server_state::creating;
    CHECK(code_of(world.ask("DELETE", transfer_url)) == "not-transferring");
  }
}

TEST_CASE("a server that another node has taken is released by force only",
          "[http][transfer]") {
  transfer_api world;
  world.server->transferring = true;
  const auto job = world.engine.put(make_job("server.release"));
  world.engine.ticket = {job, jobs::accept_outcome::created};
  CHECK(code_of(world.ask("DELETE", transfer_url))
        == "past-point-of-no-return");
  CHECK(world.ask("DELETE", transfer_url + "?force=perhaps").status == 400);
  CHECK(world.engine.submitted.empty());
  const auto answer = world.ask("DELETE", transfer_url + "?force=true");
  CHECK(answer.status == 202);
  CHECK(header_of(answer, "Location") == world.place(job));
  CHECK(world.engine.submitted.at(0).kind == "server.release");
}
