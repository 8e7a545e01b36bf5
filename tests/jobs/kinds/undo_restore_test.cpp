#include "tests/jobs/kinds/backup_world.hpp"

using namespace alula::jobs;
using json = nlohmann::json;

namespace {

struct undo_world : backup_world {
  explicit undo_world(bool truncate = true) {
    put_backup(1);
    docker.put("c0ffee", id.to_string());
    restored = run_to_end(restore_backup, json{{"adapter", "wings"},
                                               {"backup", backup(1).view()},
                                               {"truncate_directory", truncate}}
                                              .dump());
    REQUIRE(restored.state == job_state::succeeded);
    REQUIRE(docker.start("c0ffee"));
    clients.journal.clear();
    order.clear();
  }
  static std::string body_of(const job_id& restore) {
    return json{{"restore", restore.view()}}.dump();
  }
  std::string body() const { return body_of(restored.id); }
  bool runs() { return docker.by_id.at("c0ffee").info.running; }

  job_record restored;
};

} // namespace

TEST_CASE("an undo brings the files of before back", "[kinds]") {
  undo_world w;
  w.twice = GENERATE(false, true);
  const auto job = w.run_to_end(undo_restore, w.body());
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.disk.live.at(w.id).files == 3);
  CHECK(w.disk.trash.size() == 1);
  CHECK(w.disk.trash.contains(job.id.to_string()));
  CHECK_FALSE(w.records.find_replaced(w.restored.id).value());
  CHECK(w.state_of_server() == server_state::active);
}

TEST_CASE("an undo takes its steps in the promised order", "[kinds]") {
  undo_world w;
  w.run_to_end(undo_restore, w.body());
  CHECK(w.order
        == std::vector<std::string>{"claim", "stop", "commit", "put_back",
                                    "unlock", "announce"});
}

TEST_CASE("an undo can be undone", "[kinds]") {
  undo_world w;
  const auto undone = w.run_to_end(undo_restore, w.body());
  const auto job = w.run_to_end(undo_restore, w.body_of(undone.id));
  CHECK(job.state == job_state::succeeded);
  CHECK(w.disk.live.at(w.id).files == 1);
}

TEST_CASE("an undo of a merge brings back what was in the way, and takes out "
          "what was new",
          "[kinds]") {
  undo_world w{false};
  w.twice = GENERATE(false, true);
  // What the merge had pushed aside, as the adapter keeps it.
  w.disk.trash.at(w.restored.id.to_string()).files = 2;
  const auto job = w.run_to_end(undo_restore, w.body());
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.disk.live.at(w.id).files == 3 + 2);
  CHECK(w.records.find_replaced(job.id).value()->merged);
}

TEST_CASE("an undo meets an obstacle before the server stops", "[kinds]") {
  undo_world w;
  w.disk.obstacles[w.id] = "it is a mount point";
  const auto job = w.run_to_end(undo_restore, w.body());
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::volume_obstructed);
  CHECK(w.runs());
  CHECK_FALSE(w.records.find_replaced(w.restored.id).value()->claimed);
}

TEST_CASE("an undo that fails before the swap gives the tree back", "[kinds]") {
  undo_world w;
  w.docker.fail_next("stop",
                     {.code = fault_code::docker_refused, .what = "no"});
  const auto job = w.run_to_end(undo_restore, w.body());
  CHECK(job.state == job_state::failed);
  CHECK(w.disk.live.at(w.id).files == 1);
  const auto tree = w.records.find_replaced(w.restored.id).value();
  REQUIRE(tree);
  CHECK_FALSE(tree->claimed);
  CHECK(w.state_of_server() == server_state::active);
  CHECK(w.runs());
}

TEST_CASE("an undo whose swap fails half-way only goes forward", "[kinds]") {
  undo_world w;
  bool once = false;
  w.before_step = [&](const std::string& name) {
    if (name != "put_back" || std::exchange(once, true))
      return;
    w.disk.trash.emplace(w.store->jobs.rbegin()->second.id.to_string(),
                         w.disk.live.at(w.id));
    w.disk.live.erase(w.id);
  };
  w.disk.fail_next("replace", broken_disk(), 50);
  auto job = w.run_to_end(undo_restore, w.body());
  REQUIRE(job.state == job_state::parked);
  CHECK(w.records.find_replaced(w.restored.id).value()->claimed);
  w.disk.faults["replace"].clear();
  job = w.go_on(undo_restore,
                w.must_commit(job, happened::retry_requested{w.running_boot}));
  CHECK(job.state == job_state::succeeded);
  CHECK(w.disk.live.at(w.id).files == 3);
}

TEST_CASE("what is not kept cannot be undone", "[kinds]") {
  undo_world w;
  const auto nothing_kept = w.ask(undo_restore, w.body_of(make_job_id(w.now)));
  REQUIRE_FALSE(nothing_kept);
  CHECK(nothing_kept.error().code == fault_code::not_undoable);
}

TEST_CASE("what a removal has begun to remove nobody takes back", "[kinds]") {
  undo_world w;
  w.disk.fail_next("purge", {.code = fault_code::docker_refused, .what = "no"});
  const auto removal = w.run_to_end(remove_replaced, w.body(), false);
  REQUIRE(removal.state == job_state::failed);
  const auto tree = w.records.find_replaced(w.restored.id).value();
  REQUIRE(tree);
  CHECK_FALSE(tree->claimed);
  const auto refused = w.ask(undo_restore, w.body());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::not_undoable);
  CHECK(w.state_of_server() == server_state::active);
  CHECK(w.run_to_end(remove_replaced, w.body(), false).state
        == job_state::succeeded);
  CHECK(w.disk.trash.empty());
}

TEST_CASE("a removal that is cancelled before it begins spoils nothing",
          "[kinds]") {
  undo_world w;
  w.cancel(remove_replaced, w.must_ask(remove_replaced, w.body(), false));
  CHECK(w.run_to_end(undo_restore, w.body()).state == job_state::succeeded);
  CHECK(w.disk.live.at(w.id).files == 3);
}

TEST_CASE("an undo and a removal never work on one tree", "[kinds]") {
  undo_world w;
  SECTION("the undo was first") {
    w.must_ask(undo_restore, w.body());
    const auto refused = w.ask(remove_replaced, w.body(), false);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == fault_code::server_locked);
  }
  SECTION("the removal was first") {
    w.must_ask(remove_replaced, w.body(), false);
    const auto refused = w.ask(undo_restore, w.body());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == fault_code::server_locked);
    CHECK(w.state_of_server() == server_state::active);
  }
}

TEST_CASE("a restore of another server cannot be undone on this one",
          "[kinds]") {
  undo_world w;
  // The uuid lives again: the old files are not its own.
  w.server.row = 13;
  w.put_server(w.server);
  const auto refused = w.ask(undo_restore, w.body());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::not_undoable);
  CHECK(w.state_of_server() == server_state::active);
}

TEST_CASE("clients hear of an undo when the server is free again", "[kinds]") {
  undo_world w;
  bool was_free = false;
  w.clients.before_call = [&] {
    was_free = w.state_of_server() == server_state::active;
  };
  w.run_to_end(undo_restore, w.body());
  CHECK(was_free);
  CHECK(lines(w.clients.calls(),
              "announce " + w.id.to_string() + " daemon message")
        == 1);
}

TEST_CASE("a replaced tree is removed and forgotten", "[kinds]") {
  undo_world w;
  w.twice = GENERATE(false, true);
  const auto job = w.run_to_end(remove_replaced, w.body(), false);
  CHECK(job.state == job_state::succeeded);
  CHECK(w.disk.trash.empty());
  CHECK(w.store->replaced.empty());
  CHECK(w.disk.live.at(w.id).files == 1);
}

TEST_CASE("a removal that fails leaves the tree to the next one", "[kinds]") {
  undo_world w;
  w.disk.fail_next("purge", broken_disk(), 50);
  CHECK(w.run_to_end(remove_replaced, w.body(), false).state
        == job_state::failed);
  w.disk.faults["purge"].clear();
  CHECK_FALSE(w.records.find_replaced(w.restored.id).value()->claimed);
  CHECK(w.run_to_end(remove_replaced, w.body(), false).state
        == job_state::succeeded);
}

TEST_CASE("the inputs of undos and removals are bodies that make the same job",
          "[kinds]") {
  undo_world w;
  for (const auto* k : {&undo_restore, &remove_replaced}) {
    const auto first = w.read(*k, w.body());
    REQUIRE(first);
    CHECK(w.read(*k, first->input)->input == first->input);
  }
}
