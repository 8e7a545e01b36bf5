#include "tests/jobs/kinds/backup_world.hpp"

#include <algorithm>
#include <functional>

using namespace alula::jobs;
using json = nlohmann::json;

namespace {

constexpr time_ms day = 86'400'000;

struct scan_world : backup_world {
  /// Backup 1 is the oldest.
  explicit scan_world(int count) {
    for (int i = 1; i <= count; ++i)
      put_backup(i, 1'700'000'000'000 + i * day);
  }
};

json counted(int found, int lost, int unreadable = 0) {
  return json{{"found", found},
              {"lost", lost},
              {"unreadable", unreadable},
              {"not_removed", json::array()}};
}

} // namespace

TEST_CASE("a scan takes on record what it finds and marks what is lost",
          "[kinds]") {
  scan_world w{2};
  w.twice = GENERATE(false, true);
  w.backups.now -= day;
  w.backups.put(w.backup(7), {}, {{"a", "b"}});   // of stock Wings
  w.backups.put(w.backup(8), w.id, {{"a", "b"}}); // from before a lost ledger
  w.backups.published.erase(w.backup(1));
  const auto job = w.run_to_end(scan_backups, {}, false);
  REQUIRE(job.state == job_state::succeeded);
  CHECK(json::parse(job.result) == counted(2, 1));
  CHECK(w.record(7)->state == backup_state::ready);
  CHECK(w.record(7)->server.empty());
  CHECK(w.record(8)->server == w.id);
  CHECK_FALSE(w.record(8)->facts.sha1.empty());
  CHECK(w.record(1)->lost_at == w.now);
  CHECK(w.record(2)->lost_at == 0);
  // The next one finds nothing new.
  CHECK(json::parse(w.run_to_end(scan_backups, {}, false).result)
        == counted(0, 0));
}

TEST_CASE("archives that are found are listed by their age", "[kinds]") {
  scan_world w{0};
  const std::vector ages{5, 2, 9, 3}; // days, by uuid
  for (std::size_t i = 0; i < ages.size(); ++i) {
    w.backups.now = w.now - ages[i] * day;
    w.backups.put(w.backup(static_cast<int>(i)), w.id, {{"a", "b"}});
  }
  w.run_to_end(scan_backups, {}, false);
  const auto listed = w.records.list_backups({}, 0, 10).value().items;
  REQUIRE(listed.size() == ages.size());
  CHECK(std::ranges::is_sorted(listed, std::greater{},
                               &backup_record::completed_at));
}

TEST_CASE("an archive that was still being written is no damaged one for ever",
          "[kinds]") {
  scan_world w{0};
  w.backups.now -= day;
  w.backups.put(w.backup(7), {}, {{"a", "b"}});
  w.run_to_end(scan_backups, {}, false);
  w.backups.published.at(w.backup(7)).is_damaged = true; // it ends early
  const auto check = json{{"backup", w.backup(7).view()}}.dump();
  w.run_to_end(verify_backup, check);
  REQUIRE_FALSE(w.record(7)->damage.empty());
  w.backups.now += 60'000;
  const auto whole = w.backups.put(w.backup(7), {}, {{"a", "longer than b"}});
  REQUIRE(w.record(7)->facts.size != whole.size);
  w.run_to_end(scan_backups, {}, false);
  CHECK(w.record(7)->damage.empty());
  CHECK(w.record(7)->facts.size == whole.size);
  CHECK(w.run_to_end(verify_backup, check).state == job_state::succeeded);
  // From now on it is known what it has to be.
  w.backups.put(w.backup(7), {}, {{"a", "something else"}});
  w.run_to_end(scan_backups, {}, false);
  CHECK(w.record(7)->facts.size == whole.size);
}

TEST_CASE("a scan sees manifests that came or went", "[kinds]") {
  scan_world w{2};
  w.backups.published.at(w.backup(1)).has_manifest = false;
  w.store->backups.at(w.backup(2)).record.has_manifest = false;
  w.store->backups.at(w.backup(2)).record.facts.files = 0;
  const auto job = w.run_to_end(scan_backups, {}, false);
  CHECK_FALSE(w.record(1)->has_manifest);
  CHECK_FALSE(w.record(1)->facts.sha1.empty());
  CHECK(w.record(2)->has_manifest);
  CHECK(w.record(2)->facts.files == 1);
  CHECK(json::parse(job.result) == counted(0, 0));
}

TEST_CASE("a lost backup that is back is found", "[kinds]") {
  scan_world w{1};
  const auto kept = w.backups.published.extract(w.backup(1)).mapped().files;
  w.run_to_end(scan_backups, {}, false);
  REQUIRE(w.record(1)->lost_at != 0);
  w.backups.put(w.backup(1), w.id, kept);
  w.run_to_end(scan_backups, {}, false);
  CHECK(w.record(1)->lost_at == 0);
}

TEST_CASE("an archive that cannot be looked at is not lost, and stops no scan",
          "[kinds]") {
  scan_world w{2};
  w.backups.put(w.backup(8), w.id, {{"a", "b"}});
  SECTION("when all are listed") {
    w.backups.unreadable = {w.backup(1)};
  }
  SECTION("when it is looked for once more") {
    w.backups.published.erase(w.backup(1));
    w.backups.fail_next("inspect",
                        {.code = fault_code::io_error, .what = "bad sector"});
  }
  const auto job = w.run_to_end(scan_backups, {}, false);
  REQUIRE(job.state == job_state::succeeded);
  CHECK(json::parse(job.result) == counted(1, 0, 1));
  CHECK(w.record(1)->lost_at == 0);
  CHECK(w.record(8));
}

TEST_CASE("an archive nobody knows that cannot be looked at is counted",
          "[kinds]") {
  scan_world w{1};
  w.backups.put(w.backup(8), w.id, {{"a", "b"}});
  w.backups.unreadable = {w.backup(8)};
  CHECK(json::parse(w.run_to_end(scan_backups, {}, false).result)
        == counted(0, 0, 1));
  CHECK_FALSE(w.record(8));
}

TEST_CASE("a scan that can look at nothing has failed", "[kinds]") {
  scan_world w{2};
  w.backups.unreadable = {w.backup(1), w.backup(2)};
  const auto job = w.run_to_end(scan_backups, {}, false);
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::io_error);
  CHECK(w.record(1)->lost_at == 0);
}

TEST_CASE("what cannot be removed ends no scan, and is named", "[kinds]") {
  scan_world w{2};
  w.backups.put(w.backup(8), w.id, {{"a", "b"}});
  w.backups.published.erase(w.backup(1));
  w.disk.staging[make_job_id(w.now).to_string()] = {};
  const fault stays{.code = fault_code::io_error,
                    .what = "unlink failed",
                    .where = "/backups/x.part"};
  auto named = json::array({"/backups/x.part: unlink failed"});
  w.backups.fail_next("sweep", stays, 100);
  SECTION("beside the archives, and what is beside the volumes goes") {}
  SECTION("nor beside the volumes") {
    w.disk.fail_next("sweep_staging",
                     {.code = fault_code::io_error, .what = "a mount"}, 100);
    named.push_back("a mount");
  }
  const auto job = w.run_to_end(scan_backups, {}, false);
  REQUIRE(job.state == job_state::succeeded);
  const auto told = json::parse(job.result);
  CHECK(told.at("not_removed") == named);
  CHECK(told.at("found") == 1);
  CHECK(told.at("lost") == 1);
  CHECK(w.disk.staging.size() == named.size() - 1);
}

TEST_CASE("a scan that was stopped while it removes goes on with that",
          "[kinds]") {
  scan_world w{1};
  w.disk.staging[make_job_id(w.now).to_string()] = {};
  w.disk.fail_next("sweep_staging",
                   {.code = fault_code::interrupted, .what = "stopped"});
  const auto job = w.run_to_end(scan_backups, {}, false);
  CHECK(json::parse(job.result) == counted(0, 0));
  CHECK(w.disk.staging.empty());
}

TEST_CASE("a sweep of an older release has told nothing", "[kinds]") {
  scan_world w{1};
  auto job =
      w.go_on(scan_backups, w.must_ask(scan_backups, {}, false), "compare");
  const auto at = std::ranges::find(job.steps, "sweep", &step_record::name);
  REQUIRE(at != job.steps.end());
  at->output.clear();
  const auto outcome = w.run(scan_backups, job, "compare");
  CHECK(json::parse(done(outcome).job_result) == counted(0, 0));
}

TEST_CASE("a scan leaves backups alone that others work on", "[kinds]") {
  scan_world w{1};
  const auto leaving =
      w.must_ask(delete_backup, json{{"backup", w.backup(1).view()}}.dump());
  const auto coming = w.go_on(
      create_backup,
      w.must_ask(
          create_backup,
          json{{"adapter", "wings"}, {"uuid", w.backup(2).view()}}.dump()),
      "ready");
  const auto job = w.run_to_end(scan_backups, {}, false);
  CHECK(json::parse(job.result) == counted(0, 0));
  CHECK(w.record(1)->state == backup_state::deleting);
  CHECK(w.record(2)->state == backup_state::creating);
  w.go_on(delete_backup, leaving);
  w.go_on(create_backup, coming);
}

TEST_CASE("a scan removes what dead jobs left, and only that", "[kinds]") {
  scan_world w{0};
  const auto live = w.go_on(
      create_backup,
      w.must_ask(
          create_backup,
          json{{"adapter", "wings"}, {"uuid", w.backup(2).view()}}.dump()),
      "publish");
  const auto dead = make_job_id(w.now);
  w.backups.unfinished[{w.backup(3), dead}] = {};
  w.disk.staging[dead.to_string()] = {};
  w.disk.staging[live.id.to_string()] = {};
  w.run_to_end(scan_backups, {}, false);
  CHECK(w.backups.unfinished.size() == 1);
  CHECK(w.disk.staging.size() == 1);
  CHECK(w.go_on(create_backup, live).state == job_state::succeeded);
}

TEST_CASE("a scan removes manifests of backups that nobody knows", "[kinds]") {
  scan_world w{1};
  w.store->backups.at(w.backup(1)).record.lost_at = 1; // it may come back
  w.backups.orphans = {w.backup(1), w.backup(9)};
  w.run_to_end(scan_backups, {}, false);
  CHECK(w.backups.orphans == std::set{w.backup(1)});
}
