#include "http/backup_delete_handlers.hpp"
#include "tests/http/backup_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

/// A backup that is being made; the first accept of its delete is refused.
struct making_world : backup_world {
  making_world() {
    backup().state = jobs::backup_state::creating;
    auto job = make_job("backup.create");
    job.answer_after = -1;
    job.input = json{{"uuid", some_backup}}.dump();
    making = engine.put(std::move(job));
    backup().owner_job = making->record().id;
    engine.refuse_submit = fault{.code = fault_code::backup_in_use,
                                 .what = "it is being made",
                                 .in_the_way = id()};
  }
  std::string id() const { return making->record().id.to_string(); }
  void park(bool past_pivot) {
    auto job = making->record();
    job.state = job_state::parked;
    job.past_pivot = past_pivot;
    job.cancel_requested_at = past_pivot ? 0 : 1;
    engine.put(std::move(job));
  }
  /// From the abandoning on the backup is off the record.
  void free_when_abandoned() {
    engine.when_abandoned = [this] {
      engine.refuse_submit.reset();
      engine.ticket = {engine.put(answered(make_job("backup.delete"))),
                       jobs::accept_outcome::created};
    };
  }
  void end(job_state how) { engine.put(ended(making->record(), how)); }

  jobs::job_view_ptr making;
};

} // namespace

TEST_CASE("a deleted backup is 204 with the job that did it", "[http]") {
  backup_world world;
  const auto job = world.engine.put(answered(make_job("backup.delete")));
  world.engine.ticket = {job, jobs::accept_outcome::created};
  const auto answer = world.ask("DELETE", backup_url_of_it);
  CHECK(answer.status == 204);
  CHECK(header_of(answer, "Location")
        == "/api/jobs/" + job->record().id.to_string());
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].kind == "backup.delete");
  CHECK(world.engine.submitted[0].server.view() == some_server);
  CHECK(world.last_body() == json{{"backup", some_backup}});
}

TEST_CASE("a delete that takes longer is 202", "[http]") {
  backup_world world;
  world.engine.ticket = {world.engine.put(make_job("backup.delete")),
                         jobs::accept_outcome::created};
  const auto call = world.send("DELETE", backup_url_of_it);
  REQUIRE(world.engine.waiting() == 1);
  world.engine.let_time_pass();
  CHECK(call->wait_for_answer()->status == 202);
}

TEST_CASE("a backup that is not there is as good as deleted", "[http]") {
  backup_world world;
  std::string other = "00000000-0000-4000-8000-000000000001";
  SECTION("unknown") {}
  SECTION("no uuid") {
    other = "x";
  }
  SECTION("another server's") {
    other = some_backup;
    world.backup().server =
        jobs::server_id::parse("00000000-0000-4000-8000-000000000002").value();
  }
  CHECK(world.ask("DELETE", backups_url + "/" + other).status == 204);
  CHECK(world.engine.submitted.empty());
}

TEST_CASE("one that another delete removed meanwhile is as good as deleted",
          "[http]") {
  backup_world world;
  world.engine.refuse_submit = fault{.code = fault_code::backup_not_found};
  CHECK(world.ask("DELETE", backup_url_of_it).status == 204);
}

TEST_CASE("only a server that is not here is 404", "[http]") {
  backup_world world;
  world.lose_server();
  CHECK(code_of(world.ask("DELETE", backup_url_of_it)) == "server-not-found");
}

TEST_CASE("a disk that fails is no deleted backup", "[http]") {
  backup_world world;
  world.desk.refuse_find = fault{.code = fault_code::io_error};
  CHECK(world.ask("DELETE", backup_url_of_it).status == 500);
}

TEST_CASE("a backup that is restored from is 409 with the job", "[http]") {
  backup_world world;
  auto restore =
      make_job(GENERATE(as<std::string>{}, "backup.restore", "backup.rotate"));
  restore.input = json{{"backup", some_backup}}.dump();
  const auto job = world.engine.put(std::move(restore));
  world.engine.refuse_submit =
      fault{.code = fault_code::backup_in_use,
            .in_the_way = job->record().id.to_string()};
  const auto answer = world.ask("DELETE", backup_url_of_it);
  CHECK(answer.status == 409);
  CHECK(json::parse(answer.body).at("owner_job")
        == job->record().id.to_string());
  CHECK(world.engine.cancelled.empty());
}

TEST_CASE("a backup that is being made is cancelled, and nothing is left",
          "[http]") {
  making_world world;
  const auto call = world.send("DELETE", backup_url_of_it);
  REQUIRE(world.engine.cancelled.size() == 1);
  CHECK_FALSE(call->is_answered());
  world.end(GENERATE(job_state::cancelled, job_state::failed));
  const auto answer = *call->wait_for_answer();
  CHECK(answer.status == 204);
  CHECK(header_of(answer, "Location") == "/api/jobs/" + world.id());
  CHECK(world.engine.submitted.size() == 1);
}

TEST_CASE("one that was published meanwhile is deleted after all", "[http]") {
  making_world world;
  SECTION("past the point of no return") {
    world.engine.refuse_cancel = fault{.code = fault_code::past_pivot};
  }
  SECTION("between two looks") {}
  const auto call = world.send("DELETE", backup_url_of_it);
  REQUIRE_FALSE(call->is_answered());
  world.engine.refuse_submit.reset();
  world.engine.ticket = {world.engine.put(answered(make_job("backup.delete"))),
                         jobs::accept_outcome::created};
  world.end(job_state::succeeded);
  CHECK(call->wait_for_answer()->status == 204);
  CHECK(world.engine.submitted.size() == 2);
}

TEST_CASE("a delete waits once, for the cancel and the delete together",
          "[http]") {
  making_world world;
  const auto call = world.send("DELETE", backup_url_of_it);
  REQUIRE(world.engine.waits.size() == 1);
  CHECK(world.engine.waits[0].limit == std::chrono::seconds{10});
  world.engine.refuse_submit.reset();
  world.engine.ticket = {world.engine.put(make_job("backup.delete")),
                         jobs::accept_outcome::created};
  SECTION("some of it is left") {
    world.clock.advance(std::chrono::seconds{7});
    world.end(job_state::succeeded);
    REQUIRE(world.engine.waits.size() == 2);
    CHECK(world.engine.waits[1].limit == std::chrono::seconds{3});
    world.engine.let_time_pass();
  }
  SECTION("nothing is left") {
    world.clock.advance(std::chrono::seconds{11});
    world.end(job_state::succeeded);
    CHECK(world.engine.waits.size() == 1);
  }
  SECTION("the clock was put back") {
    world.clock.advance(std::chrono::seconds{-60});
    world.end(job_state::succeeded);
    REQUIRE(world.engine.waits.size() == 2);
    CHECK(world.engine.waits[1].limit == std::chrono::seconds{10});
    world.engine.let_time_pass();
  }
  const auto answer = *call->wait_for_answer();
  CHECK(answer.status == 202);
  CHECK(header_of(answer, "Location")
        == "/api/jobs/" + world.engine.ticket.job->record().id.to_string());
}

TEST_CASE("one that ended before it was cancelled is looked at again",
          "[http]") {
  making_world world;
  world.engine.refuse_cancel = fault{.code = fault_code::already_finished};
  world.end(job_state::cancelled);
  CHECK(world.ask("DELETE", backup_url_of_it).status == 204);
}

TEST_CASE("who does not wait for the delete does not wait for the making",
          "[http]") {
  making_world world;
  const auto call =
      world.send("DELETE", backup_url_of_it, {}, {{"Prefer", "respond-async"}});
  REQUIRE(world.engine.waits.size() == 1);
  CHECK(world.engine.waits[0].limit == std::chrono::seconds{0});
  world.engine.let_time_pass();
  CHECK(call->wait_for_answer()->status == 202);
}

TEST_CASE("a cancel that takes long is 202, a job beyond it 409", "[http]") {
  making_world world;
  SECTION("it is being undone") {
    const auto call = world.send("DELETE", backup_url_of_it);
    world.engine.let_time_pass();
    const auto answer = *call->wait_for_answer();
    CHECK(answer.status == 202);
    CHECK(header_of(answer, "Location") == "/api/jobs/" + world.id());
  }
  SECTION("it goes on") {
    world.engine.refuse_cancel = fault{.code = fault_code::past_pivot};
    const auto call = world.send("DELETE", backup_url_of_it);
    world.engine.let_time_pass();
    CHECK(call->wait_for_answer()->status == 409);
  }
}

TEST_CASE("one whose making is parked for good is given up and deleted",
          "[http]") {
  making_world world;
  world.free_when_abandoned();
  SECTION("past the point of no return") {
    world.park(true);
    CHECK(world.ask("DELETE", backup_url_of_it).status == 204);
    CHECK(world.engine.cancelled.empty());
  }
  SECTION("in its undo") {
    world.park(false);
    CHECK(world.ask("DELETE", backup_url_of_it).status == 204);
    CHECK(world.engine.cancelled.empty());
  }
  SECTION("since it was cancelled") {
    const auto call = world.send("DELETE", backup_url_of_it);
    REQUIRE(world.engine.cancelled.size() == 1);
    world.park(false);
    world.engine.let_time_pass();
    CHECK(call->wait_for_answer()->status == 204);
  }
  CHECK(world.engine.abandoned_for.size() == 1);
  REQUIRE(world.engine.submitted.size() == 2);
  CHECK(world.engine.submitted[1].kind == "backup.delete");
  CHECK(world.engine.submitted[1].server.empty());
}

TEST_CASE("a making that is retried while its backup is deleted is cancelled",
          "[http]") {
  making_world world;
  world.park(true);
  world.engine.refuse_abandon = fault{.code = fault_code::not_parked};
  world.engine.when_abandoned = [&] {
    world.engine.put(world.making->record());
  };
  const auto call = world.send("DELETE", backup_url_of_it);
  CHECK(world.engine.cancelled.size() == 1);
  world.end(job_state::cancelled);
  CHECK(call->wait_for_answer()->status == 204);
}

TEST_CASE("the making of another backup is not cancelled", "[http]") {
  making_world world;
  auto job = world.making->record();
  job.input = R"({"uuid":"00000000-0000-4000-8000-000000000001"})";
  world.engine.put(std::move(job));
  CHECK(world.ask("DELETE", backup_url_of_it).status == 409);
  CHECK(world.engine.cancelled.empty());
}

TEST_CASE("a delete that stays refused is not asked for ever", "[http]") {
  making_world world;
  world.end(job_state::succeeded);
  world.engine.refuse_cancel = fault{.code = fault_code::already_finished};
  CHECK(world.ask("DELETE", backup_url_of_it).status == 409);
  CHECK(world.engine.submitted.size() == 9);
}

TEST_CASE("an orphaned backup is deleted without a server", "[http]") {
  backup_world world;
  world.lose_server();
  world.engine.ticket = {world.engine.put(answered(make_job("backup.delete"))),
                         jobs::accept_outcome::created};
  CHECK(world.ask("DELETE", "/api/backups/" + some_backup).status == 204);
  REQUIRE(world.engine.submitted.size() == 1);
  CHECK(world.engine.submitted[0].server.empty());
  CHECK(world.ask("DELETE", "/api/backups/nothing").status == 204);
  CHECK(world.engine.submitted.size() == 1);
}

TEST_CASE("a backup of a server that is here is no orphan", "[http]") {
  backup_world world;
  CHECK(code_of(world.ask("DELETE", "/api/backups/" + some_backup))
        == "server-exists");
}
