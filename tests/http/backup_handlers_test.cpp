#include "http/backup_handlers.hpp"
#include "tests/http/backup_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

/// Whatever is submitted becomes this job.
struct started : backup_world {
  explicit started(std::string_view kind, api_settings settings = {})
    : backup_world(std::move(settings)), job(engine.put(make_job(kind))) {
    engine.ticket = {job, jobs::accept_outcome::created};
  }
  std::string url() const {
    return "/api/jobs/" + job->record().id.to_string();
  }
  jobs::job_view_ptr job;
};

const std::string restore = backup_url_of_it + "/restore";
const std::string rotate = backups_url + "/rotate";
const std::string rotation = backups_url + "/rotation";

void put_a_newer_backup(backup_world& world) {
  auto second = world.backup();
  second.uuid =
      jobs::backup_id::parse("00000000-0000-4000-8000-000000000001").value();
  second.completed_at += 1;
  world.desk.put(second);
}

} // namespace

TEST_CASE("a backup is started with 202 and no body", "[http]") {
  started world{"backup.create"};
  const auto answer =
      world.ask("POST", backups_url,
                R"({"Adapter":"wings","uuid":")" + some_backup
                    + R"(","ignore":"*.log\n\u00e9","other":1})");
  CHECK(answer.status == 202);
  CHECK(answer.body.empty());
  CHECK(header_of(answer, "Location") == world.url());
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].kind == "backup.create");
  CHECK(world.last_body()
        == json{{"adapter", "wings"},
                {"uuid", some_backup},
                {"ignore", "*.log\n\xc3\xa9"}});
}

TEST_CASE("a backup that has no room within the wait is 507", "[http]") {
  started world{"backup.create"};
  const auto call =
      world.send("POST", backups_url, "{}", {{"Prefer", "wait=5"}});
  world.engine.put(
      ended(world.job->record(), job_state::failed,
            fault{.code = fault_code::no_room, .what = "needs 5, has 3"}));
  const auto answer = *call->wait_for_answer();
  CHECK(answer.status == 507);
  CHECK(json::parse(answer.body).at("detail") == "needs 5, has 3");
  CHECK(header_of(answer, "Location") == world.url());
}

TEST_CASE("a body that is none is 400", "[http]") {
  backup_world world;
  for (const auto* body : {"", "[]", "{"}) {
    CAPTURE(body);
    CHECK(world.ask("POST", backups_url, body).status == 400);
    CHECK(world.ask("POST", restore, body).status == 400);
  }
  CHECK(world.ask("POST", rotate, "[]").status == 400);
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("an unknown server is 404 whatever the body says", "[http]") {
  backup_world world;
  world.lose_server();
  world.engine.refuse_submit = fault{.code = fault_code::validation};
  for (const auto* body : {"", "[]", "{}", R"({"adapter":5})"}) {
    CAPTURE(body);
    CHECK(world.ask("POST", backups_url, body).status == 404);
    CHECK(world.ask("POST", restore, body).status == 404);
  }
}

TEST_CASE("a backup tells all that is known of it", "[http]") {
  backup_world world;
  const auto answer = world.ask("GET", backup_url_of_it);
  CHECK(answer.status == 200);
  const auto body = json::parse(answer.body);
  CHECK(body.at("uuid") == some_backup);
  CHECK(body.at("server") == some_server);
  CHECK(body.at("state") == "ready");
  CHECK(body.at("size") == 10);
  CHECK(body.at("checksum") == some_sha1);
  CHECK(body.at("checksum_type") == "sha1");
  CHECK(body.at("sha256") == std::string(64, 'a'));
  CHECK(body.at("created_at") == "2027-01-15T07:43:20.000Z");
  CHECK(body.at("verified_at").is_null());
  CHECK(body.at("age_seconds") == 500);
  CHECK(body.at("damage").is_null());
  CHECK(body.at("pinned") == false);
  CHECK(body.at("has_manifest") == true);
  CHECK(body.at("lost") == false);
  CHECK(body.at("owner_job").is_null());
  CHECK(body.at("links").at("download") == backup_url_of_it + "/download");
  CHECK(body.at("links").at("index").is_null());
  CHECK(world.ask("HEAD", backup_url_of_it).status == 200);
}

TEST_CASE("a backup that is being made has no size yet", "[http]") {
  backup_world world;
  world.backup().state = jobs::backup_state::creating;
  world.backup().facts = {};
  world.backup().owner_job = jobs::job_id::parse(some_job).value();
  const auto body = json::parse(world.ask("GET", backup_url_of_it).body);
  CHECK(body.at("size").is_null());
  CHECK(body.at("checksum").is_null());
  CHECK(body.at("owner_job") == some_job);
  CHECK(body.at("links").at("restore").is_null());
}

TEST_CASE("a foreign backup is 404, a lost server's is shown", "[http]") {
  backup_world world;
  CHECK(code_of(world.ask("GET", backups_url + "/x")) == "backup-not-found");
  CHECK(code_of(world.ask("GET", "/api/servers/x/backup/" + some_backup))
        == "server-not-found");
  world.lose_server();
  CHECK(world.ask("GET", backup_url_of_it).status == 200);
  world.desk.backups.clear();
  CHECK(code_of(world.ask("GET", backup_url_of_it)) == "server-not-found");
}

TEST_CASE("a restore is 204 when it is done within the wait, else 202",
          "[http]") {
  started world{"backup.restore"};
  const auto call = world.send(
      "POST", restore,
      R"({"adapter":"wings","truncate_directory":true,"download_url":""})");
  REQUIRE(world.engine.waiting() == 1);
  SECTION("done") {
    world.engine.put(answered(world.job->record()));
    CHECK(call->wait_for_answer()->status == 204);
  }
  SECTION("not yet") {
    world.engine.let_time_pass();
    CHECK(call->wait_for_answer()->status == 202);
  }
  CHECK(header_of(*call->wait_for_answer(), "Location") == world.url());
  CHECK(world.engine.submitted[0].kind == "backup.restore");
  CHECK(world.last_body()
        == json{{"adapter", "wings"},
                {"truncate_directory", true},
                {"download_url", ""},
                {"backup", some_backup}});
}

TEST_CASE("a restore of a path that the backup does not have is 404",
          "[http]") {
  started world{"backup.restore"};
  const auto call =
      world.send("POST", restore, R"({"adapter":"wings","paths":["wrold"]})");
  world.engine.put(ended(world.job->record(), job_state::failed,
                         fault{.code = fault_code::path_not_found,
                               .what = "the backup has no \"wrold\""}));
  const auto answer = *call->wait_for_answer();
  CHECK(answer.status == 404);
  CHECK(code_of(answer) == "path-not-found");
  CHECK(json::parse(answer.body).at("detail") == "the backup has no \"wrold\"");
  CHECK(header_of(answer, "Location") == world.url());
}

TEST_CASE("a restore that cannot be is refused before there is a job",
          "[http]") {
  backup_world world;
  std::string body = R"({"adapter":"wings"})";
  int status = 404;
  SECTION("no adapter") {
    body = "{}";
    status = 400;
  }
  SECTION("an unknown adapter, of a missing backup") {
    world.desk.backups.clear();
    body = R"({"adapter":"ftp"})";
    status = 400;
  }
  SECTION("s3 without a URL") {
    body = R"({"adapter":"s3"})";
    status = 400;
  }
  SECTION("a path that is none") {
    body = R"({"adapter":"wings","paths":[1]})";
    status = 422;
  }
  SECTION("no such backup") {
    world.desk.backups.clear();
  }
  SECTION("its archive is lost") {
    world.backup().lost_at = 1;
  }
  SECTION("no such server") {
    world.lose_server();
  }
  SECTION("it is still being made") {
    world.backup().state = jobs::backup_state::creating;
    status = 409;
  }
  CHECK(world.ask("POST", restore, body).status == status);
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("a body cannot name another backup than the URL", "[http]") {
  started world{"backup.restore"};
  world.send("POST", restore, R"({"adapter":"wings","backup":"other"})");
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.last_body().at("backup") == some_backup);
}

TEST_CASE("verify and index are jobs about one backup", "[http]") {
  const auto what = GENERATE(as<std::string>{}, "verify", "index");
  started world{"backup." + what};
  const auto answer = world.ask("POST", backup_url_of_it + "/" + what);
  CHECK(answer.status == 202);
  CHECK(json::parse(answer.body).at("kind") == "backup." + what);
  CHECK(world.engine.submitted[0].kind == "backup." + what);
  CHECK(world.last_body() == json{{"backup", some_backup}});
  world.backup().lost_at = 1;
  CHECK(world.ask("POST", backup_url_of_it + "/" + what).status == 410);
}

TEST_CASE("a backup is pinned and let go of", "[http]") {
  backup_world world;
  CHECK(world.ask("PUT", backup_url_of_it + "/pin").status == 204);
  CHECK(world.ask("DELETE", backup_url_of_it + "/pin").status == 204);
  REQUIRE(world.desk.pins.size() == 2);
  CHECK(world.desk.pins[0].second);
  CHECK_FALSE(world.desk.pins[1].second);
  CHECK(world.ask("PUT", backups_url + "/x/pin").status == 404);
}

TEST_CASE("a rotation takes its policy from the request or the configuration",
          "[http]") {
  started world{"backup.rotate", {.rotation = {.keep_last = 7}}};
  CHECK(world.ask("POST", rotate).status == 202);
  CHECK(world.last_body().at("policy").at("keep_last") == 7);
  CHECK(world.ask("POST", rotate, R"({"policy":{"keep_daily":3}})").status
        == 202);
  CHECK(world.last_body().at("policy").at("keep_last") == 0);
  CHECK(world.last_body().at("policy").at("keep_daily") == 3);
  CHECK(world.engine.submitted[0].kind == "backup.rotate");
}

TEST_CASE("a dry run says what would go and why, and does nothing", "[http]") {
  backup_world world;
  put_a_newer_backup(world);
  const auto answer =
      world.ask("POST", rotate, R"({"dry_run":true,"policy":{"keep_last":1}})");
  CHECK(answer.status == 200);
  const auto body = json::parse(answer.body);
  REQUIRE(body.at("would_remove").size() == 1);
  CHECK(body.at("would_remove")[0].at("backup") == some_backup);
  CHECK_FALSE(body.at("would_remove")[0].at("why").get<std::string>().empty());
  CHECK(body.at("choices").size() == 2);
  CHECK(body.at("policy").at("keep_last") == 1);
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("a wrong policy is pointed at", "[http]") {
  backup_world world;
  const auto pointer_of = [&](std::string body) {
    const auto answer = world.ask("POST", rotate, std::move(body));
    CHECK(answer.status == 422);
    return json::parse(answer.body).at("errors")[0].at("pointer");
  };
  CHECK(pointer_of(R"({"policy":{"keep_last":-1}})") == "/policy/keep_last");
  CHECK(pointer_of(R"({"policy":{"keep":1}})") == "/policy/keep");
  CHECK(pointer_of(R"({"policy":7})") == "/policy");
  CHECK(pointer_of(R"({"dry_run":"yes"})") == "/dry_run");
}

TEST_CASE("the rotation in force is the node's, or the server's own",
          "[http]") {
  started world{"backup.rotate", {.rotation = {.keep_last = 7}}};
  const auto shown = [&] {
    const auto answer = world.ask("GET", rotation);
    REQUIRE(answer.status == 200);
    return json::parse(answer.body);
  };
  CHECK(shown().at("from") == "node");
  CHECK(shown().at("policy").at("keep_last") == 7);
  world.set_rotation(R"({"keep_daily":3})");
  CHECK(shown().at("from") == "server");
  CHECK(shown().at("policy").at("keep_last") == 0);
  CHECK(shown().at("policy").at("keep_daily") == 3);
  CHECK(shown().at("node_policy").at("keep_last") == 7);
  CHECK(world.ask("POST", rotate).status == 202);
  CHECK(world.last_body().at("policy").at("keep_daily") == 3);
  world.set_rotation("{}"); // keeps everything
  CHECK(shown().at("policy").at("keep_last") == 0);
}

TEST_CASE("a server is given a rotation of its own, and loses it again",
          "[http]") {
  backup_world world{{.rotation = {.keep_last = 7}}};
  const auto answer = world.ask("PUT", rotation, R"({"keep_weekly":4})");
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body).at("from") == "server");
  CHECK(json::parse(answer.body).at("policy").at("keep_weekly") == 4);
  CHECK(world.ask("DELETE", rotation).status == 204);
  REQUIRE(world.desk.rotations.size() == 2);
  CHECK(world.desk.rotations[0].first.view() == some_server);
  CHECK(world.desk.rotations[0].second
        == jobs::rotation_policy{.keep_weekly = 4});
  CHECK_FALSE(world.desk.rotations[1].second);
}

TEST_CASE("a rotation that is tried first is not set", "[http]") {
  backup_world world;
  put_a_newer_backup(world);
  const auto answer =
      world.ask("PUT", rotation + "?dry_run=true", R"({"keep_last":1})");
  CHECK(answer.status == 200);
  const auto body = json::parse(answer.body);
  REQUIRE(body.at("would_remove").size() == 1);
  CHECK(body.at("would_remove")[0].at("backup") == some_backup);
  CHECK(body.at("would_remove")[0].at("why") == "no rule keeps it");
  CHECK(world.desk.rotations.empty());
  CHECK(world.ask("PUT", rotation + "?dry=true", "{}").status == 400);
  CHECK(world.ask("PUT", rotation + "?dry_run=1", "{}").status == 400);
}

TEST_CASE("a rotation that cannot be is not set", "[http]") {
  backup_world world;
  const auto wrong = world.ask("PUT", rotation, R"({"keep_last":-1})");
  CHECK(wrong.status == 422);
  CHECK(json::parse(wrong.body).at("errors")[0].at("pointer") == "/keep_last");
  CHECK(world.ask("PUT", rotation, "7").status == 400);
  CHECK(world.desk.rotations.empty());
  world.desk.refuse_rotation = jobs::fault{
      .code = jobs::fault_code::server_not_found, .what = "just deleted"};
  CHECK(world.ask("PUT", rotation, "{}").status == 404);
  CHECK(world.ask("DELETE", rotation).status == 404);
  world.lose_server();
  for (const auto* method : {"GET", "PUT", "DELETE"})
    CHECK(code_of(world.ask(method, rotation, "{}")) == "server-not-found");
}

TEST_CASE("rotate is no backup", "[http]") {
  backup_world world;
  CHECK(world.ask("GET", rotate).status == 404);
  world.lose_server();
  CHECK(code_of(world.ask("POST", rotate)) == "server-not-found");
}

TEST_CASE("a backup tells whether the Panel was told of it", "[http]") {
  backup_world world;
  const auto panel = [&] {
    return json::parse(world.ask("GET", backup_url_of_it).body).at("panel");
  };
  CHECK(panel() == json{{"state", nullptr}, {"told_at", nullptr}});
  world.backup().report = jobs::report_state::behind;
  CHECK(panel().at("state") == "waiting");
  world.backup().report = jobs::report_state::dead;
  CHECK(panel().at("state") == "given_up");
  world.backup().report = jobs::report_state::moot;
  CHECK(panel().at("state") == "given_up");
  world.backup().told_at = 1'800'000'000'000;
  CHECK(panel()
        == json{{"state", "told"}, {"told_at", "2027-01-15T08:00:00.000Z"}});
}
