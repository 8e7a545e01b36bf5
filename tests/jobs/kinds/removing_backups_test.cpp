// Many backups that go at once, while somebody downloads one of them.
#include "tests/jobs/kinds/backup_world.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace alula::jobs;
using json = nlohmann::json;

namespace {

/// Four backups, the first of which is the oldest.
struct removing_world : backup_world {
  removing_world() {
    for (int i = 1; i <= 4; ++i)
      put_backup(i, now - 1'000 * (10 - i));
  }
  /// One run of a step. False when it waits for a reader.
  bool goes_on(const kind& k, job_record& job, std::string_view step) {
    job = must_commit(job, happened::step_started{running_boot, {}});
    const auto outcome = run(k, job, step);
    if (const auto* on = std::get_if<step_goes_on>(&outcome)) {
      job = must_commit(job, happened::step_went_on{on->output, on->job_result},
                        on->changes);
      return true;
    }
    REQUIRE(std::holds_alternative<step_waits>(outcome));
    CHECK(std::get<step_waits>(outcome).reason == "BackupInUse");
    return false;
  }
  /// On record, or on the disk.
  std::vector<int> left() {
    std::vector<int> numbers;
    for (int i = 1; i <= 4; ++i)
      if (record(i) || backups.is_published(backup(i)))
        numbers.push_back(i);
    return numbers;
  }
};

} // namespace

TEST_CASE("a download of one backup keeps no other one that a rotation removes",
          "[kinds]") {
  removing_world w;
  auto job = w.go_on(
      rotate_backups,
      w.must_ask(rotate_backups, R"({"policy":{"keep_last":1}})"), "remove");
  {
    const auto download = w.backups.open(w.backup(3)).value();
    REQUIRE(w.goes_on(rotate_backups, job, "remove"));
    CHECK(w.left() == std::vector{3, 4});
    CHECK(w.record(3)->state == backup_state::deleting);
    CHECK_FALSE(w.goes_on(rotate_backups, job, "remove"));
  }
  job = w.go_on(rotate_backups, job);
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.left() == std::vector{4});
  const auto removed = json::parse(job.result).at("removed");
  REQUIRE(removed.size() == 3);
  for (const auto& each : removed)
    CHECK(each.at("why") == "no rule keeps it");
}

TEST_CASE("a rotation names what is gone, however it ends", "[kinds]") {
  removing_world w;
  auto job = w.go_on(
      rotate_backups,
      w.must_ask(rotate_backups, R"({"policy":{"keep_last":1}})"), "remove");
  CHECK(job.result.empty());
  const auto download = w.backups.open(w.backup(3)).value();
  REQUIRE(w.goes_on(rotate_backups, job, "remove"));
  SECTION("while it waits for the rest") {
    CHECK_FALSE(w.goes_on(rotate_backups, job, "remove"));
  }
  SECTION("when it is given up") {
    job = w.must_commit(job, happened::unrunnable{broken_disk()});
    job = w.must_commit(job, happened::abandoned{"no use"});
    REQUIRE(job.state == job_state::failed);
    CHECK(w.record(3)->state == backup_state::ready);
  }
  const auto removed = json::parse(job.result).at("removed");
  REQUIRE(removed.size() == 2);
  for (const auto& each : removed)
    CHECK(each.at("backup") != w.backup(3).view());
  CHECK(w.left() == std::vector{3, 4});
}

TEST_CASE("a rotation that chooses nothing says so", "[kinds]") {
  removing_world w;
  const auto job =
      w.run_to_end(rotate_backups, R"({"policy":{"keep_last":4}})");
  REQUIRE(job.state == job_state::succeeded);
  CHECK(json::parse(job.result).at("removed").empty());
}

TEST_CASE("a download of one backup keeps no other one that goes with its "
          "server",
          "[kinds]") {
  removing_world w;
  auto job = w.go_on(delete_server,
                     w.must_ask(delete_server, R"({"backups":"delete"})"),
                     "remove_backups");
  {
    const auto download = w.backups.open(w.backup(3)).value();
    REQUIRE(w.goes_on(delete_server, job, "remove_backups"));
    CHECK(w.left() == std::vector{3});
    CHECK_FALSE(w.goes_on(delete_server, job, "remove_backups"));
  }
  CHECK(w.go_on(delete_server, job).state == job_state::succeeded);
  CHECK(w.left().empty());
}

TEST_CASE("a backup is removed once, whatever has its name later", "[kinds]") {
  removing_world w;
  auto job = w.go_on(delete_server,
                     w.must_ask(delete_server, R"({"backups":"delete"})"),
                     "remove_backups");
  {
    const auto download = w.backups.open(w.backup(3)).value();
    REQUIRE(w.goes_on(delete_server, job, "remove_backups"));
  }
  w.put_backup(1);
  CHECK(w.go_on(delete_server, job).state == job_state::succeeded);
  CHECK(w.left() == std::vector{1});
  CHECK(w.backups.is_published(w.backup(1)));
}
