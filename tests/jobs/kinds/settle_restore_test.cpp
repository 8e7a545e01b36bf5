#include "tests/jobs/kinds/restore_world.hpp"

using namespace alula::jobs;
using json = nlohmann::json;

namespace {

/// A restore, or its undo, that is parked in its swap.
struct left_world : restore_world {
  /// The server's files are in the trash, and nothing is in their place.
  void move_away(const job_id& by) {
    disk.trash.emplace(by.to_string(), disk.live.at(id));
    disk.live.erase(id);
  }
  job_record parked(const kind& k, std::string body) {
    disk.fail_next("replace", broken_disk(), 50);
    disk.fail_next("merge", broken_disk(), 50);
    auto job = run_to_end(k, std::move(body));
    REQUIRE(job.state == job_state::parked);
    disk.faults.clear();
    return job;
  }
  job_record given_up(const job_record& job) {
    return must_commit(job, happened::abandoned{"no use"});
  }
  static std::string about(const job_record& job) {
    return json{{"given_up", job.id.view()}}.dump();
  }
  job_record settle(const job_record& job) {
    return run_to_end(settle_restore, about(job));
  }
  static std::string undo_of(const job_record& job) {
    return json{{"restore", job.id.view()}}.dump();
  }
};

json told(const job_record& job) {
  REQUIRE(job.state == job_state::succeeded);
  return json::parse(job.result);
}

} // namespace

TEST_CASE("a restore and its undo leave to another job what they leave",
          "[kinds]") {
  CHECK(restore_backup.finished_by == settle_restore.name);
  CHECK(undo_restore.finished_by == settle_restore.name);
  CHECK(settle_restore.finished_by == settle_restore.name);
}

TEST_CASE(
    "a restore that was given up between its renames gives the files back",
    "[kinds]") {
  left_world w;
  w.twice = GENERATE(false, true);
  const bool is_made_anew = GENERATE(false, true); // by dockerd
  auto job = w.parked(restore_backup, w.body_of(1, true));
  w.move_away(job.id);
  if (is_made_anew)
    w.disk.live[w.id] = {};
  job = w.given_up(job);
  const auto settled = w.settle(job);
  REQUIRE(settled.state == job_state::succeeded);
  CHECK(w.disk.live.at(w.id).files == 3);
  CHECK(w.disk.trash.empty());
  CHECK(w.disk.staging.empty());
  CHECK_FALSE(w.records.find_replaced(job.id).value());
  CHECK(w.state_of_server() == server_state::active);
}

TEST_CASE("a restore whose swap was done and not recorded can be undone",
          "[kinds]") {
  left_world w;
  w.twice = GENERATE(false, true);
  auto job = w.parked(restore_backup, w.body_of(1, true));
  w.move_away(job.id);
  w.disk.live[w.id] = {.files = 1};
  w.disk.staging.clear();
  job = w.given_up(job);
  const auto result = told(w.settle(job));
  CHECK(result.at("files") == "kept");
  CHECK(result.at("undo") == job.id.view());
  const auto tree = w.records.find_replaced(job.id).value();
  REQUIRE(tree);
  CHECK(tree->name == job.id.to_string());
  CHECK_FALSE(tree->merged);
  CHECK(result.at("undo_until") == tree->keep_until);
  REQUIRE(w.run_to_end(undo_restore, w.undo_of(job)).state
          == job_state::succeeded);
  CHECK(w.disk.live.at(w.id).files == 3);
}

TEST_CASE("what runs on other files is not stopped for those of before",
          "[kinds]") {
  left_world w;
  auto job = w.parked(restore_backup, w.body_of(1, true));
  w.move_away(job.id);
  job = w.given_up(job);
  w.disk.live[w.id] = {};
  REQUIRE(w.docker.start("c0ffee"));
  CHECK(told(w.settle(job)).at("files") == "kept");
  CHECK(w.runs());
  CHECK(w.disk.trash.contains(job.id.to_string()));
  CHECK(w.records.find_replaced(job.id).value());
}

TEST_CASE("a merge that was given up half-way can be taken back", "[kinds]") {
  left_world w;
  auto job = w.parked(restore_backup, w.body_of(1, false));
  w.disk.trash[job.id.to_string()] = {.files = 1};
  job = w.given_up(job);
  CHECK(told(w.settle(job)).at("files") == "kept");
  CHECK(w.records.find_replaced(job.id).value()->merged);
  CHECK(w.disk.staging.empty());
}

TEST_CASE("a restore that was given up before it moved a thing left nothing",
          "[kinds]") {
  left_world w;
  const auto job = w.given_up(w.parked(restore_backup, w.body_of(1, true)));
  CHECK(told(w.settle(job)).at("files") == "untouched");
  CHECK(w.disk.live.at(w.id).files == 3);
  CHECK(w.disk.staging.empty());
  CHECK_FALSE(w.records.find_replaced(job.id).value());
}

TEST_CASE("the removal of what a restore had unpacked is a sign of life",
          "[kinds]") {
  left_world w;
  const auto job = w.given_up(w.parked(restore_backup, w.body_of(1, true)));
  REQUIRE(w.disk.staging.contains(job.id.to_string()));
  w.reports.clear();
  CHECK(told(w.settle(job)).at("files") == "untouched");
  CHECK(w.was_heard("removing what was unpacked"));
}

TEST_CASE("an undo that was given up between its renames keeps what it claimed",
          "[kinds]") {
  left_world w;
  const auto restored = w.run_to_end(restore_backup, w.body_of(1, true));
  auto undo = w.parked(undo_restore, w.undo_of(restored));
  w.move_away(undo.id);
  undo = w.given_up(undo);
  CHECK(told(w.settle(undo)).at("files") == "put back");
  CHECK(w.disk.live.at(w.id).files == 1);
  CHECK(w.records.find_replaced(restored.id).value());
  CHECK_FALSE(w.records.find_replaced(undo.id).value());
  // And can be asked for again.
  REQUIRE(w.run_to_end(undo_restore, w.undo_of(restored)).state
          == job_state::succeeded);
  CHECK(w.disk.live.at(w.id).files == 3);
}

TEST_CASE("an undo whose swap was done and not recorded forgets what came back",
          "[kinds]") {
  left_world w;
  w.twice = GENERATE(false, true);
  const auto restored = w.run_to_end(restore_backup, w.body_of(1, true));
  auto undo = w.parked(undo_restore, w.undo_of(restored));
  const auto back = w.disk.trash.at(restored.id.to_string());
  w.disk.trash.clear();
  w.move_away(undo.id);
  w.disk.live[w.id] = back;
  undo = w.given_up(undo);
  CHECK(told(w.settle(undo)).at("files") == "kept");
  CHECK_FALSE(w.records.find_replaced(restored.id).value());
  CHECK(w.records.find_replaced(undo.id).value());
  CHECK(w.disk.live.at(w.id).files == 3);
}

TEST_CASE("what another has put in the place leaves both trees in the trash",
          "[kinds]") {
  left_world w;
  const auto restored = w.run_to_end(restore_backup, w.body_of(1, true));
  auto undo = w.parked(undo_restore, w.undo_of(restored));
  w.move_away(undo.id);
  w.disk.live[w.id] = {.files = 7};
  undo = w.given_up(undo);
  const auto keep_until =
      w.records.find_replaced(restored.id).value()->keep_until;
  CHECK(told(w.settle(undo)).at("files") == "kept");
  CHECK(w.records.find_replaced(undo.id).value());
  CHECK(w.records.find_replaced(restored.id).value()->keep_until == keep_until);
}

TEST_CASE("what a restore of a deleted server has left is removed", "[kinds]") {
  left_world w;
  auto job = w.parked(restore_backup, w.body_of(1, true));
  w.move_away(job.id);
  job = w.given_up(job);
  w.server.state = server_state::deleting;
  const auto draft = w.read(settle_restore, w.about(job));
  REQUIRE(draft);
  CHECK(draft->lane == "trash");
  CHECK(told(w.settle(job)).at("files") == "removed");
  CHECK(w.disk.trash.empty());
  CHECK_FALSE(w.disk.live.contains(w.id));
}

TEST_CASE("nothing is settled of no restore in particular, or of a live one",
          "[kinds]") {
  left_world w;
  const auto of_none = w.read(settle_restore, {});
  REQUIRE_FALSE(of_none);
  CHECK(of_none.error().code == fault_code::trash_not_found);
  const auto job = w.parked(restore_backup, w.body_of(1, true));
  const auto of_live = w.ask(settle_restore, w.about(job));
  REQUIRE_FALSE(of_live);
  CHECK(of_live.error().code == fault_code::trash_not_found);
}
