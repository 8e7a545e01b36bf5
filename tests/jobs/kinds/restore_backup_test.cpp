#include "tests/jobs/kinds/restore_world.hpp"

using namespace alula::jobs;
using Catch::Contains;
using json = nlohmann::json;

TEST_CASE("a restore puts the backup in the place of the files", "[kinds]") {
  restore_world w;
  w.twice = GENERATE(false, true);
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.disk.live.at(w.id).files == 1); // as in the backup
  CHECK(w.disk.trash.at(job.id.to_string()).files == 3);
  CHECK(w.disk.staging.empty());
  CHECK(w.state_of_server() == server_state::active);
  const auto kept = w.records.find_replaced(job.id).value();
  REQUIRE(kept);
  CHECK(kept->server == w.id);
  CHECK_FALSE(kept->merged);
  const auto result = json::parse(job.result);
  CHECK(result.at("backup") == w.backup(1).view());
  CHECK(result.at("undo_until") == kept->keep_until);
}

TEST_CASE("a restore counts its files beside its bytes", "[kinds]") {
  restore_world w;
  w.backups.published.at(w.backup(1)).is_ours = false; // it is looked at whole
  w.run_to_end(restore_backup, w.body_of(1));
  for (const auto* phase : {"checking the archive", "unpacking"}) {
    CAPTURE(phase);
    const auto told = std::ranges::find(w.reports, phase, &progress::message);
    REQUIRE(told != w.reports.end());
    CHECK(told->unit == "bytes");
    CHECK(told->total == 8); // "old aaaa"
    REQUIRE(told->files);
    CHECK(told->files->done == 1);
    CHECK(told->files->total == 1);
  }
}

TEST_CASE("how much of a backup is chosen its manifest knows before",
          "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {{"world/a", "old aaaa"}, {"small", "x"}});
  const bool is_known = GENERATE(true, false);
  w.backups.published.at(w.backup(1)).has_manifest = is_known;
  auto body = json::parse(w.body_of(1, false));
  body["paths"] = {"world"};
  w.run_to_end(restore_backup, body.dump());
  const auto told =
      std::ranges::find(w.reports, "unpacking", &progress::message);
  REQUIRE(told != w.reports.end());
  CHECK(told->total == (is_known ? 8 : 0));
  REQUIRE(told->files);
  CHECK(told->files->total == (is_known ? 1 : 0));
}

TEST_CASE("without truncate_directory the files are merged", "[kinds]") {
  restore_world w;
  w.twice = GENERATE(false, true);
  const auto job = w.run_to_end(restore_backup, w.body_of(1, false));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.disk.live.at(w.id).files == 4);
  CHECK(w.records.find_replaced(job.id).value()->merged);
}

TEST_CASE("a merge tells what it has replaced and added", "[kinds]") {
  restore_world w;
  w.twice = GENERATE(false, true); // a crash behind the merge forgets nothing
  const bool is_read = GENERATE(true, false);
  if (!is_read)
    w.disk.faults["account_of_merge"] = {
        {.code = fault_code::io_error, .what = "no"},
        {.code = fault_code::io_error, .what = "no"}};
  const auto job = w.run_to_end(restore_backup, w.body_of(1, false));
  REQUIRE(job.state == job_state::succeeded);
  const auto result = json::parse(job.result);
  CHECK(result.contains("undo_until"));
  REQUIRE(result.contains("merge") == is_read);
  const auto said = [&](const std::string& words) {
    return std::ranges::any_of(w.clients.calls(), [&](const auto& line) {
      return line.find(words) != std::string::npos;
    });
  };
  CHECK(said("0 files were replaced, 1 name is new") == is_read);
  if (is_read) {
    CHECK(result.at("merge").at("added_names") == 1);
    CHECK(result.at("merge").at("replaced_files") == 0);
    CHECK(result.at("merge").at("replaced_paths") == json::array());
  }
}

TEST_CASE("a restore takes its steps in the promised order", "[kinds]") {
  restore_world w;
  w.run_to_end(restore_backup, w.body_of(1));
  CHECK(w.order
        == std::vector<std::string>{
            "begin", "make_room", "clear_room", "preflight", "fetch", "stop",
            "verify", "extract", "commit", "swap", "unlock", "announce"});
  CHECK(restore_backup.answer_after == "unlock");
}

TEST_CASE("the server is locked from the accept on", "[kinds]") {
  restore_world w;
  const auto job = w.must_ask(restore_backup, w.body_of(1));
  CHECK(w.state_of_server() == server_state::restoring);
  SECTION("for other restores") {
    const auto refused = w.ask(restore_backup, w.body_of(1));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == fault_code::server_locked);
    CHECK(refused.error().in_the_way == job.id.to_string());
  }
  SECTION("for backups") {
    const auto refused =
        w.ask(create_backup,
              json{{"adapter", "wings"}, {"uuid", w.backup(2).view()}}.dump());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == fault_code::server_locked);
    CHECK(refused.error().in_the_way == job.id.to_string());
  }
  SECTION("and its backup cannot be deleted") {
    const auto refused =
        w.ask(delete_backup, json{{"backup", w.backup(1).view()}}.dump());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == fault_code::backup_in_use);
    CHECK(refused.error().in_the_way == job.id.to_string());
  }
}

TEST_CASE("a restore while a backup runs is refused, naming the backup",
          "[kinds]") {
  restore_world w;
  const auto busy = w.must_ask(
      create_backup,
      json{{"adapter", "wings"}, {"uuid", w.backup(2).view()}}.dump());
  const auto refused = w.ask(restore_backup, w.body_of(1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::server_locked);
  CHECK(refused.error().in_the_way == busy.id.to_string());
  CHECK(w.state_of_server() == server_state::active);
}

TEST_CASE("a suspended server stays suspended", "[kinds]") {
  restore_world w;
  w.store->servers.at(w.server.row).record.suspended = true;
  w.run_to_end(restore_backup, w.body_of(1));
  CHECK(w.store->servers.at(w.server.row).record.suspended);
}

TEST_CASE("a failure before the swap leaves the server as it was", "[kinds]") {
  restore_world w;
  const std::string method =
      GENERATE("inspect", "content_size", "verify", "extract");
  w.backups.fail_next(method,
                      {.code = fault_code::archive_refused, .what = "no"});
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  INFO(method);
  CHECK(job.state == job_state::failed);
  CHECK_THAT(job.error->what, Contains("no"));
  w.check_untouched();
}

TEST_CASE("an archive over the limits of a restore is not called damaged",
          "[kinds]") {
  restore_world w;
  w.backups.fail_next("verify",
                      {.code = fault_code::archive_refused, .what = "no"});
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::archive_refused);
  CHECK(w.record(1)->damage.empty());
  w.check_untouched();
}

TEST_CASE("a volume that cannot be prepared leaves the server as it was",
          "[kinds]") {
  restore_world w;
  const std::string method = GENERATE("space", "reserve", "stage");
  w.disk.fail_next(method, broken_disk(), 3);
  CHECK(w.run_to_end(restore_backup, w.body_of(1)).state == job_state::failed);
  w.check_untouched();
}

TEST_CASE("a cancel before the swap leaves the server as it was", "[kinds]") {
  restore_world w;
  w.twice = true;
  const std::string at =
      GENERATE("preflight", "stop", "verify", "extract", "commit");
  const auto job = w.cancel(
      restore_backup,
      w.go_on(restore_backup, w.must_ask(restore_backup, w.body_of(1)), at));
  INFO(at);
  CHECK(job.state == job_state::cancelled);
  w.check_untouched();
}

TEST_CASE("a swap that fails half-way only goes forward", "[kinds]") {
  const bool truncate = GENERATE(true, false);
  restore_world w;
  const std::string method = truncate ? "replace" : "merge";
  // The first rename was made; the second one fails whenever it is tried.
  bool once = false;
  w.before_step = [&](const std::string& name) {
    if (name != "swap" || !truncate || std::exchange(once, true))
      return;
    w.disk.trash.emplace(w.store->jobs.rbegin()->second.id.to_string(),
                         w.disk.live.at(w.id));
    w.disk.live.erase(w.id);
  };
  w.disk.fail_next(method, broken_disk(), 50);
  auto job = w.run_to_end(restore_backup, w.body_of(1, truncate));
  REQUIRE(job.state == job_state::parked);
  CHECK(w.disk.staging.contains(job.id.to_string()));
  CHECK(w.state_of_server() == server_state::restoring);
  CHECK(lines(w.clients.calls(),
              "announce " + w.id.to_string() + " backup restore completed")
        == 0);
  // The disk is well again, and somebody says so.
  w.disk.faults[method].clear();
  job = w.go_on(restore_backup,
                w.must_commit(job, happened::retry_requested{w.running_boot}));
  CHECK(job.state == job_state::succeeded);
  CHECK(w.disk.live.contains(w.id));
  CHECK(w.disk.staging.empty());
}

TEST_CASE("an enormous quota is no quota", "[kinds]") {
  restore_world w;
  w.server.config =
      R"({"settings":{"build":{"disk_space":9223372036854775807}}})";
  const auto draft = w.read(restore_backup, w.body_of(1));
  CHECK(json::parse(draft->input).at("quota").get<std::int64_t>() > 0);
  CHECK(w.run_to_end(restore_backup, w.body_of(1)).state
        == job_state::succeeded);
}

TEST_CASE("a disk that fills up while it unpacks fails the restore at once",
          "[kinds]") {
  restore_world w;
  w.backups.fail_next(
      "extract", {.code = fault_code::insufficient_storage, .what = "ENOSPC"});
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::no_room);
  w.check_untouched();
}

TEST_CASE("a damaged backup is not restored, and shown as damaged from then",
          "[kinds]") {
  restore_world w;
  w.backups.published.at(w.backup(1)).is_damaged = true;
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::backup_damaged);
  CHECK_FALSE(w.record(1)->damage.empty());
  CHECK(w.record(1)->verified_at != 0);
  CHECK(lines(w.disk.calls(), "stage") == 0);
  w.check_untouched();
}

TEST_CASE("a restore of ours counts the bytes of the archive that it checks",
          "[kinds]") {
  restore_world w;
  w.run_to_end(restore_backup, w.body_of(1));
  const auto told =
      std::ranges::find(w.reports, "checking the archive", &progress::message);
  REQUIRE(told != w.reports.end());
  CHECK(told->unit == "bytes");
  CHECK(told->done == w.record(1)->facts.size);
  CHECK(told->total == w.record(1)->facts.size);
  CHECK_FALSE(told->files);
}

TEST_CASE("a check hurries for a restore, and for nobody else", "[kinds]") {
  restore_world w;
  REQUIRE(w.run_to_end(restore_backup, w.body_of(1)).state
          == job_state::succeeded);
  REQUIRE(w.backups.expected.size() == 1);
  CHECK(w.backups.expected[0].whom == check_for::who_waits);
  CHECK(w.backups.expected[0].depth == check_depth::sum_of_ours);
  const json verify{{"backup", w.backup(1).view()}};
  REQUIRE(w.run_to_end(verify_backup, verify.dump()).state
          == job_state::succeeded);
  REQUIRE(w.backups.expected.size() == 2);
  CHECK(w.backups.expected[1].whom == check_for::nobody);
  CHECK(w.backups.expected[1].depth == check_depth::whole);
}

TEST_CASE("a restored backup counts as verified once all of it was read",
          "[kinds]") {
  restore_world w;
  w.twice = GENERATE(false, true);
  const bool is_ours = GENERATE(true, false);
  w.backups.published.at(w.backup(1)).is_ours = is_ours;
  const bool truncate = GENERATE(true, false);
  auto body = json::parse(w.body_of(1, truncate));
  if (!truncate)
    body["paths"] = {"world"};
  auto job = w.go_on(restore_backup, w.must_ask(restore_backup, body.dump()),
                     "extract");
  CHECK((w.record(1)->verified_at == 0) == is_ours); // only its bytes were
  job = w.go_on(restore_backup, job);
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.record(1)->verified_at == w.now);
  CHECK(w.record(1)->damage.empty());
}

TEST_CASE(
    "damage that only unpacking shows is on record when the job has ended",
    "[kinds]") {
  restore_world w;
  SECTION("of the archive here") {
    w.backups.fail_next(
        "extract", {.code = fault_code::backup_damaged, .what = "member 3"});
    const auto job = w.run_to_end(restore_backup, w.body_of(1));
    CHECK(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::backup_damaged);
    CHECK(w.record(1)->damage == "member 3");
    CHECK(w.record(1)->verified_at != 0);
    w.check_untouched();
    // From then on its sum is not enough.
    REQUIRE(w.run_to_end(restore_backup, w.body_of(1)).state
            == job_state::succeeded);
    REQUIRE(w.backups.expected.size() == 2);
    CHECK(w.backups.expected[1].depth == check_depth::whole);
    CHECK(w.record(1)->damage.empty());
  }
  SECTION("of one that was fetched it says nothing of what is stored") {
    w.node.far = &w.far.places;
    w.far_only(1);
    w.backups.fail_next(
        "extract", {.code = fault_code::backup_damaged, .what = "member 3"});
    const auto before = w.record(1)->verified_at;
    const auto job = w.run_to_end(restore_backup, w.body_of(1));
    CHECK(job.error->code == fault_code::backup_damaged);
    CHECK(w.record(1)->damage.empty());
    CHECK(w.record(1)->verified_at == before);
  }
}

TEST_CASE("a restore that was cancelled in time has verified nothing",
          "[kinds]") {
  restore_world w;
  const auto job =
      w.cancel(restore_backup,
               w.go_on(restore_backup, w.must_ask(restore_backup, w.body_of(1)),
                       "extract"));
  CHECK(job.state == job_state::cancelled);
  CHECK(w.record(1)->verified_at == 0);
}

TEST_CASE("the input of a failed restore is a body that makes the same job",
          "[kinds]") {
  restore_world w;
  auto body = json::parse(w.body_of(1, false));
  body["paths"] = {"world", "server.properties"};
  const auto first = w.read(restore_backup, body.dump());
  REQUIRE(first);
  const auto again = w.read(restore_backup, first->input);
  REQUIRE(again);
  CHECK(again->input == first->input);
}
