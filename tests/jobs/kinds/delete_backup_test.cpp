// The jobs about one backup that is there: delete, verify, index.
#include "tests/jobs/kinds/backup_world.hpp"

using namespace alula::jobs;
using json = nlohmann::json;

namespace {

std::string delete_body(int number) {
  return json{{"backup", backup_world::backup(number).view()}}.dump();
}

} // namespace

TEST_CASE("a deleted backup is gone from the disk and from the ledger",
          "[kinds]") {
  backup_world w;
  w.put_backup(1);
  w.twice = GENERATE(false, true);
  const bool by_its_server = GENERATE(true, false);
  const auto job = w.run_to_end(delete_backup, delete_body(1), by_its_server);
  CHECK(job.state == job_state::succeeded);
  CHECK_FALSE(w.backups.is_published(w.backup(1)));
  CHECK_FALSE(w.record(1));
  CHECK(w.order == std::vector<std::string>{"unlink", "forget"});
}

TEST_CASE("a backup on its way out cannot be kept by a cancel", "[kinds]") {
  backup_world w;
  w.put_backup(1);
  const auto job = w.must_ask(delete_backup, delete_body(1));
  CHECK_FALSE(job.is_cancellable());
  CHECK(w.record(1)->state == backup_state::deleting);
}

TEST_CASE("a delete waits for a download, using no attempt", "[kinds]") {
  backup_world w;
  w.put_backup(1);
  auto job = w.must_ask(delete_backup, delete_body(1));
  {
    const auto download = w.backups.open(w.backup(1)).value();
    job = w.must_commit(job, happened::step_started{w.running_boot, {}});
    const auto waits = w.run(delete_backup, job, "unlink");
    REQUIRE(std::holds_alternative<step_waits>(waits));
    CHECK(std::get<step_waits>(waits).reason == "BackupInUse");
    CHECK(std::get<step_waits>(waits).delay == std::chrono::seconds{1});
    // The longer it has waited, the less often it looks.
    w.now += 12'000;
    CHECK(std::get<step_waits>(w.run(delete_backup, job, "unlink")).delay
          == std::chrono::seconds{12});
    w.now += 3'600'000;
    CHECK(std::get<step_waits>(w.run(delete_backup, job, "unlink")).delay
          == std::chrono::seconds{30});
  }
  CHECK(std::holds_alternative<step_done>(w.run(delete_backup, job, "unlink")));
}

TEST_CASE("a backup that is missing is as good as deleted", "[kinds]") {
  backup_world w;
  SECTION("from the disk") {
    w.put_backup(1);
    w.backups.published.clear();
    CHECK(w.run_to_end(delete_backup, delete_body(1)).state
          == job_state::succeeded);
    CHECK_FALSE(w.record(1));
  }
  SECTION("from the ledger") {
    w.backups.put(w.backup(1), {}, {});
    CHECK(w.run_to_end(delete_backup, delete_body(1), false).state
          == job_state::succeeded);
    CHECK_FALSE(w.backups.is_published(w.backup(1)));
  }
}

TEST_CASE("a foreign backup is not found, and no job of it is joined",
          "[kinds]") {
  backup_world w;
  w.put_backup(1);
  const auto* kind_of = GENERATE(&delete_backup, &verify_backup, &index_backup);
  w.must_ask(*kind_of, delete_body(1));
  // The other server asks.
  w.server = {.row = 13,
              .uuid = *server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-"
                                        "0a4f5c1f2b12")};
  w.put_server(w.server);
  const auto draft =
      kind_of->read({.kind = kind_of->name,
                     .server = w.server.uuid,
                     .target = std::make_shared<server_record>(w.server),
                     .body = delete_body(1)});
  REQUIRE(draft);
  acceptance what{.job = plan(*kind_of, *draft, w.now),
                  .changes = draft->changes,
                  .key = {},
                  .locks = draft->locks};
  what.job.server = w.server.uuid;
  what.job.server_row = w.server.row;
  const auto refused = w.store->accept(what, w.now);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::backup_not_found);
}

TEST_CASE("a backup that is being made is not deleted from under its job",
          "[kinds]") {
  backup_world w;
  const auto making = w.must_ask(
      create_backup,
      json{{"adapter", "wings"}, {"uuid", w.backup(1).view()}}.dump());
  const auto refused = w.ask(delete_backup, delete_body(1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::backup_in_use);
  CHECK(refused.error().in_the_way == making.id.to_string());
  // Whoever cancels that job first gets rid of it.
  w.cancel(create_backup, making);
  CHECK_FALSE(w.record(1));
}

TEST_CASE("a backup whose delete was given up is as it was, and can be deleted",
          "[kinds]") {
  backup_world w;
  w.put_backup(1);
  w.backups.fail_next("remove", broken_disk(), 100);
  const auto parked = w.run_to_end(delete_backup, delete_body(1));
  REQUIRE(parked.state == job_state::parked);
  w.must_commit(parked, happened::abandoned{"no use"});
  CHECK(w.record(1)->state == backup_state::ready);
  CHECK(w.record(1)->owner_job.empty());
  w.backups.faults["remove"].clear();
  CHECK(w.run_to_end(delete_backup, delete_body(1)).state
        == job_state::succeeded);
  CHECK_FALSE(w.record(1));
}

// -- verify -------------------------------------------------------------------

TEST_CASE("a good backup is on record as verified", "[kinds]") {
  backup_world w;
  w.put_backup(1);
  w.twice = GENERATE(false, true);
  const auto job = w.run_to_end(verify_backup, delete_body(1));
  CHECK(job.state == job_state::succeeded);
  CHECK(json::parse(job.result).at("damage").is_null());
  CHECK(w.record(1)->verified_at == w.now);
  CHECK(w.record(1)->damage.empty());
  CHECK_FALSE(w.reports.empty());
}

TEST_CASE("another program's archive has checksums once it was verified",
          "[kinds]") {
  backup_world w;
  w.backups.put(w.backup(1), {}, {{"a", "b"}});
  REQUIRE(w.store->amend(
      {record_found_backup{*w.backups.inspect(w.backup(1)).value()}}, w.now));
  REQUIRE(w.record(1)->facts.sha1.empty());
  w.run_to_end(verify_backup, delete_body(1));
  CHECK(w.record(1)->facts.sha1.size() == 40);
  CHECK(w.record(1)->facts.sha256.size() == 64);
}

TEST_CASE("damage is on record before the job fails over it", "[kinds]") {
  backup_world w;
  w.put_backup(1);
  w.backups.published.at(w.backup(1)).is_damaged = true;
  auto job = w.go_on(verify_backup, w.must_ask(verify_backup, delete_body(1)),
                     "conclude");
  CHECK_FALSE(w.record(1)->damage.empty());
  job = w.go_on(verify_backup, job);
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::backup_damaged);
  CHECK_FALSE(w.record(1)->damage.empty());
}

TEST_CASE("an archive that is gone is lost, not damaged", "[kinds]") {
  backup_world w;
  w.put_backup(1);
  w.backups.published.clear();
  const auto job = w.run_to_end(verify_backup, delete_body(1));
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::backup_not_found);
  CHECK(w.record(1)->damage.empty());
  CHECK(w.record(1)->lost_at != 0);
}

TEST_CASE("an archive that cannot be read now is tried again, and is not "
          "called damaged",
          "[kinds]") {
  backup_world w;
  w.put_backup(1);
  w.backups.fail_next("verify", broken_disk(), 3);
  const auto job = w.run_to_end(verify_backup, delete_body(1));
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::io_error);
  CHECK(w.backups.count("verify") == 3);
  CHECK(w.record(1)->damage.empty());
}

TEST_CASE("what is being read is not deleted", "[kinds]") {
  backup_world w;
  w.put_backup(1);
  const auto* reader = GENERATE(&verify_backup, &index_backup);
  const auto job = w.must_ask(*reader, delete_body(1));
  const auto refused = w.ask(delete_backup, delete_body(1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::backup_in_use);
  CHECK(refused.error().in_the_way == job.id.to_string());
}

TEST_CASE("a backup nobody has a record of cannot be verified", "[kinds]") {
  backup_world w;
  const auto by_server = w.ask(verify_backup, delete_body(1));
  REQUIRE_FALSE(by_server);
  CHECK(by_server.error().code == fault_code::backup_not_found);
  const auto job = w.run_to_end(verify_backup, delete_body(1), false);
  CHECK(job.error->code == fault_code::backup_not_found);
}

// -- index --------------------------------------------------------------------

TEST_CASE("another program's archive gets a manifest and a server", "[kinds]") {
  backup_world w;
  w.backups.put(w.backup(1), {}, {{"a", "b"}});
  REQUIRE(w.store->amend(
      {record_found_backup{*w.backups.inspect(w.backup(1)).value()}}, w.now));
  w.twice = GENERATE(false, true);
  CHECK_FALSE(w.record(1)->has_manifest);
  const auto job = w.run_to_end(index_backup, delete_body(1));
  CHECK(job.state == job_state::succeeded);
  CHECK(w.record(1)->has_manifest);
  CHECK(w.record(1)->facts.sha1.size() == 40);
  CHECK(w.record(1)->facts.files == 1);
  CHECK(w.record(1)->facts.content_bytes == 1);
  CHECK(w.record(1)->server == w.id);
  CHECK(w.backups.published.at(w.backup(1)).has_manifest);
}

TEST_CASE("how much is in another program's archive nobody knows before",
          "[kinds]") {
  backup_world w;
  w.backups.put(w.backup(1), {}, {{"a", "b"}, {"c", "d"}});
  REQUIRE(w.store->amend(
      {record_found_backup{*w.backups.inspect(w.backup(1)).value()}}, w.now));
  REQUIRE(w.record(1)->facts.content_bytes == 0);
  REQUIRE(w.record(1)->facts.size > 0);
  const bool is_checked = GENERATE(false, true);
  w.run_to_end(is_checked ? verify_backup : index_backup, delete_body(1));
  REQUIRE_FALSE(w.reports.empty());
  for (const auto& told : w.reports) {
    CHECK(told.total == 0);
    REQUIRE(told.files);
    CHECK(told.files->total == 0);
  }
}

TEST_CASE("an index is not made on the last of a disk", "[kinds]") {
  backup_world w;
  w.put_backup(1);
  w.backups.published.at(w.backup(1)).has_manifest = false;
  SECTION("refused with the numbers") {
    w.backups.disk_free = 1'000;
    const auto job = w.run_to_end(index_backup, delete_body(1));
    REQUIRE(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::no_room);
    CHECK_THAT(job.error->what, Catch::Contains("needed"));
    CHECK(lines(w.backups.calls(), "index") == 0);
  }
  SECTION("what it has kept is free afterwards") {
    CHECK(w.run_to_end(index_backup, delete_body(1)).state
          == job_state::succeeded);
  }
  SECTION("also of one that failed") {
    w.backups.published.at(w.backup(1)).is_damaged = true;
    w.run_to_end(index_backup, delete_body(1));
  }
  CHECK(w.backups.reserved.empty());
}

TEST_CASE("an index that fails changes nothing", "[kinds]") {
  backup_world w;
  w.put_backup(1);
  w.store->backups.at(w.backup(1)).record.has_manifest = false;
  w.backups.fail_next("index",
                      {.code = fault_code::backup_damaged, .what = "no"});
  CHECK(w.run_to_end(index_backup, delete_body(1)).state == job_state::failed);
  CHECK_FALSE(w.record(1)->has_manifest);
}

TEST_CASE("inputs of jobs about a backup are bodies that make the same job",
          "[kinds]") {
  backup_world w;
  for (const auto* k : {&delete_backup, &verify_backup, &index_backup}) {
    const auto first = w.read(*k, delete_body(1));
    REQUIRE(first);
    CHECK(w.read(*k, first->input)->input == first->input);
  }
}
