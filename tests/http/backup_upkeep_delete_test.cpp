// Deletes of backups that jobs of the node itself hold.
#include "http/backup_delete_handlers.hpp"
#include "tests/http/backup_world.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::http;

namespace {

/// A backup that a job of the node itself holds; the accepts of its delete are
/// refused until then.
struct upkeep_world : backup_world {
  explicit upkeep_world(std::string kind) { keep(std::move(kind)); }
  void keep(std::string kind) {
    auto job = make_job(kind);
    job.answer_after = -1;
    job.input = json{{"backup", some_backup}, {"row", 1}}.dump();
    keeping = engine.put(std::move(job));
    engine.refuse_submit =
        fault{.code = fault_code::backup_in_use,
              .what = "it is read",
              .in_the_way = keeping->record().id.to_string()};
  }
  void let_delete() {
    engine.refuse_submit.reset();
    engine.ticket = {engine.put(answered(make_job("backup.delete"))),
                     jobs::accept_outcome::created};
  }

  jobs::job_view_ptr keeping;
};
} // namespace

TEST_CASE("what the node does to keep a backup is no reason not to delete it",
          "[http]") {
  upkeep_world world{GENERATE(as<std::string>{}, "backup.verify",
                              "backup.index", "backup.copy", "backup.drop_copy",
                              "store.clean")};
  SECTION("it is cancelled, and waited for") {}
  SECTION("it is past the point of no return, and waited for") {
    world.engine.refuse_cancel = fault{.code = fault_code::past_pivot};
  }
  const auto call = world.send("DELETE", backup_url_of_it);
  CHECK(world.engine.cancelled == std::vector{world.keeping->record().id});
  REQUIRE_FALSE(call->is_answered());
  CHECK(world.engine.waits.at(0).limit == std::chrono::seconds{10});
  world.let_delete();
  world.engine.put(ended(world.keeping->record(),
                         GENERATE(job_state::cancelled, job_state::succeeded)));
  const auto answer = *call->wait_for_answer();
  CHECK(answer.status == 204);
  CHECK(header_of(answer, "Location")
        == "/api/jobs/" + world.engine.ticket.job->record().id.to_string());
  CHECK(world.engine.submitted.size() == 2);
}

TEST_CASE("who does not wait for the delete waits for what keeps the backup",
          "[http]") {
  upkeep_world world{"backup.verify"};
  const auto call =
      world.send("DELETE", backup_url_of_it, {}, {{"Prefer", "respond-async"}});
  REQUIRE(world.engine.waits.size() == 1);
  CHECK(world.engine.waits[0].limit == std::chrono::seconds{5});
  SECTION("once, however many there are") {
    world.clock.advance(std::chrono::seconds{3});
    const auto first = world.keeping;
    world.keep("backup.copy");
    world.engine.put(ended(first->record(), job_state::cancelled));
    REQUIRE(world.engine.waits.size() == 2);
    CHECK(world.engine.waits[1].limit == std::chrono::seconds{2});
  }
  SECTION("and not for the delete itself") {}
  REQUIRE_FALSE(call->is_answered());
  world.let_delete();
  world.engine.put(ended(world.keeping->record(), job_state::cancelled));
  const auto answer = *call->wait_for_answer();
  CHECK(answer.status == 202);
  CHECK(header_of(answer, "Location")
        == "/api/jobs/" + world.engine.ticket.job->record().id.to_string());
}

TEST_CASE("a backup that several jobs keep is deleted behind all of them",
          "[http]") {
  upkeep_world world{"backup.verify"};
  const auto call = world.send("DELETE", backup_url_of_it);
  const auto first = world.keeping;
  world.keep("backup.copy");
  world.engine.put(ended(first->record(), job_state::cancelled));
  CHECK(world.engine.cancelled.size() == 2);
  REQUIRE_FALSE(call->is_answered());
  world.let_delete();
  world.engine.put(ended(world.keeping->record(), job_state::cancelled));
  CHECK(call->wait_for_answer()->status == 204);
}

TEST_CASE("what keeps a backup and does not end in time is 409 with the job",
          "[http]") {
  upkeep_world world{"backup.copy"};
  const auto call = world.send("DELETE", backup_url_of_it);
  world.engine.let_time_pass();
  const auto answer = *call->wait_for_answer();
  CHECK(answer.status == 409);
  CHECK(json::parse(answer.body).at("owner_job")
        == world.keeping->record().id.to_string());
}

TEST_CASE("what keeps a backup and waits for an operator is 409 at once",
          "[http]") {
  upkeep_world world{"backup.copy"};
  auto job = world.keeping->record();
  job.state = job_state::parked;
  job.past_pivot = true;
  world.engine.put(std::move(job));
  CHECK(world.ask("DELETE", backup_url_of_it).status == 409);
  CHECK(world.engine.cancelled.empty());
  CHECK(world.engine.abandoned_for.empty());
}

TEST_CASE("what the node does to keep another backup goes on", "[http]") {
  upkeep_world world{"backup.verify"};
  auto job = world.keeping->record();
  job.input = R"({"backup":"00000000-0000-4000-8000-000000000001"})";
  world.engine.put(std::move(job));
  CHECK(world.ask("DELETE", backup_url_of_it).status == 409);
  CHECK(world.engine.cancelled.empty());
}
