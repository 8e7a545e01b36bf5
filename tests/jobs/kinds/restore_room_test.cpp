// What a restore may take, of the disk and of the quota, and where it gets it.
#include "tests/jobs/kinds/restore_world.hpp"

using namespace alula::jobs;
using Catch::Contains;
using json = nlohmann::json;

TEST_CASE("an obstacle is met before the server stops", "[kinds]") {
  restore_world w;
  w.disk.obstacles[w.id] = "it is a mount point";
  const auto job =
      w.run_to_end(restore_backup, w.body_of(1, GENERATE(true, false)));
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::volume_obstructed);
  CHECK(lines(w.docker.calls(), "stop") == 0);
  w.check_untouched();
}

TEST_CASE("a restore that does not fit is refused before the server stops",
          "[kinds]") {
  restore_world w;
  SECTION("on the disk") {
    w.disk.free_space = 7;
  }
  SECTION("in the quota") {
    w.backups.put(w.backup(1), w.id, {{"big", std::string(3 << 20, 'x')}});
    w.server.config = R"({"settings":{"build":{"disk_space":2}}})";
  }
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::no_room);
  CHECK(lines(w.docker.calls(), "stop") == 0);
  w.check_untouched();
}

TEST_CASE("a few files of a large backup fit where the whole would not",
          "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {{"big", std::string(3 << 20, 'x')}, {"small", "x"}});
  w.disk.free_space = 1 << 20;
  auto body = json::parse(w.body_of(1, false));
  body["paths"] = {"small"};
  CHECK(w.run_to_end(restore_backup, body.dump()).state
        == job_state::succeeded);
}

TEST_CASE("a few large files of a backup have to fit as well", "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {{"big", std::string(3 << 20, 'x')}, {"small", "x"}});
  auto body = json::parse(w.body_of(1, false));
  body["paths"] = {"big"};
  SECTION("or the restore is refused before the server stops") {
    w.disk.free_space = 1 << 20;
    const auto job = w.run_to_end(restore_backup, body.dump());
    CHECK(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::no_room);
    CHECK(lines(w.docker.calls(), "stop") == 0);
    w.check_untouched();
  }
  SECTION("and their room is kept until it is done") {
    auto job = w.go_on(restore_backup, w.must_ask(restore_backup, body.dump()),
                       "stop");
    CHECK(w.disk.reserved.at(job.id) > 3 << 20);
    w.disk.reserved.clear(); // as a restart does
    job = w.go_on(restore_backup, job, "commit");
    CHECK(w.disk.reserved.contains(job.id));
    w.go_on(restore_backup, job);
    CHECK(w.disk.reserved.empty());
  }
  SECTION("unless no manifest says how large they are") {
    w.backups.published.at(w.backup(1)).has_manifest = false;
    w.disk.free_space = 1 << 20;
    CHECK(w.run_to_end(restore_backup, body.dump()).state
          == job_state::succeeded);
  }
}

TEST_CASE("a merge may fill the quota, not more", "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {{"big", std::string(1 << 20, 'x')}});
  w.server.config = R"({"settings":{"build":{"disk_space":2}}})";
  w.disk.put(w.id, {.files = 3, .bytes = 3 << 19});
  SECTION("what it replaces makes room") {
    w.disk.overlapping = 1 << 19;
    CHECK(w.run_to_end(restore_backup, w.body_of(1, false)).state
          == job_state::succeeded);
  }
  SECTION("what it adds does not fit") {
    const auto job = w.run_to_end(restore_backup, w.body_of(1, false));
    CHECK(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::no_room);
    CHECK_THAT(job.error->what, Contains("1.5 MiB") && Contains("2.0 MiB"));
    w.check_untouched();
  }
  SECTION("who is over it may be put back as he was") {
    w.disk.put(w.id, {.files = 3, .bytes = 5 << 20});
    w.disk.overlapping = 1 << 20;
    CHECK(w.run_to_end(restore_backup, w.body_of(1, false)).state
          == job_state::succeeded);
  }
}

TEST_CASE("an archive without a manifest has to fit as well", "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {{"big", std::string(3 << 20, 'x')}});
  w.backups.published.at(w.backup(1)).has_manifest = false;
  SECTION("on the disk") {
    w.disk.free_space = 1 << 20;
  }
  SECTION("in the quota") {
    w.server.config = R"({"settings":{"build":{"disk_space":2}}})";
  }
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::no_room);
  CHECK(lines(w.disk.calls(), "stage") == 0);
  w.check_untouched();
}

TEST_CASE("a restore keeps the room it needs until it is done", "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {{"big", std::string(3 << 20, 'x')}});
  auto job = w.go_on(restore_backup, w.must_ask(restore_backup, w.body_of(1)),
                     "commit");
  CHECK(w.disk.reserved.at(job.id) > 3 << 20);
  SECTION("to its end") {
    w.go_on(restore_backup, job);
  }
  SECTION("or to that of its undo") {
    w.cancel(restore_backup, job);
  }
  CHECK(w.disk.reserved.empty());
}

TEST_CASE("a full backup disk does not stop a restore before it has to",
          "[kinds]") {
  restore_world w;
  fake_archives::tree files;
  for (int i = 0; i < 30'000; ++i)
    files.emplace(std::to_string(i), "");
  w.put_backup(1, 0, std::move(files));
  w.backups.disk_free = 0;
  SECTION("what is never promised is enough to sort the manifest") {
    w.backups.disk_unused = 64 << 20;
    CHECK(w.run_to_end(restore_backup, w.body_of(1)).state
          == job_state::succeeded);
  }
  SECTION("nothing at all is not") {
    w.backups.disk_unused = 1 << 20;
    const auto job = w.run_to_end(restore_backup, w.body_of(1));
    CHECK(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::no_room);
    CHECK_THAT(job.error->what, Contains("needed"));
    CHECK(lines(w.docker.calls(), "stop") == 0);
    w.check_untouched();
  }
}

TEST_CASE("the room for sorting a manifest is kept until the restore is done",
          "[kinds]") {
  restore_world w;
  fake_archives::tree files;
  for (int i = 0; i < 30'000; ++i)
    files.emplace(std::to_string(i), "");
  w.put_backup(1, 0, std::move(files));
  auto job = w.go_on(restore_backup, w.must_ask(restore_backup, w.body_of(1)),
                     "commit");
  CHECK(w.backups.reserved.at(job.id) > 0);
  SECTION("to its end") {
    w.go_on(restore_backup, job);
  }
  SECTION("or to that of its undo") {
    w.cancel(restore_backup, job);
  }
  CHECK(w.backups.reserved.empty());
}

TEST_CASE("a restore stops when others take its room", "[kinds]") {
  restore_world w;
  const std::string half(40 << 20, 'x');
  w.put_backup(1, 0, {{"a", half}, {"b", half}});
  auto job = w.go_on(restore_backup, w.must_ask(restore_backup, w.body_of(1)),
                     "extract");
  w.disk.free_space = w.disk.reserved.at(job.id);
  w.disk.taken_by_others = 82 << 20;
  job = w.go_on(restore_backup, job);
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::no_room);
  CHECK_THAT(job.error->what, Contains("needed"));
  w.check_untouched();
}

TEST_CASE("trees of older restores make room, the oldest first", "[kinds]") {
  restore_world w;
  w.twice = GENERATE(false, true);
  w.put_backup(1, 0, {{"big", std::string(1 << 20, 'x')}});
  const auto tree_of = [&](int number, std::int64_t bytes) {
    const auto id = *job_id::parse("0199c1de-0000-7000-8000-00000000000"
                                   + std::to_string(number));
    w.disk.trash[id.to_string()] = {.files = 1, .bytes = bytes};
    w.store->replaced[id] = {.tree = {.replaced_by = id,
                                      .server = w.id,
                                      .server_row = 99,
                                      .name = id.to_string(),
                                      .keep_until = w.now + number}};
    return id;
  };
  const auto oldest = tree_of(1, 1 << 20);
  const auto newest = tree_of(2, 1 << 20);
  SECTION("as many as it takes") {
    w.disk.free_space = 1 << 19;
    const auto job = w.run_to_end(restore_backup, w.body_of(1));
    REQUIRE(job.state == job_state::succeeded);
    CHECK_FALSE(w.disk.trash.contains(oldest.to_string()));
    CHECK_FALSE(w.store->replaced.contains(oldest));
    CHECK(w.disk.trash.contains(newest.to_string()));
    CHECK_FALSE(w.store->replaced.at(newest).tree.claimed);
    CHECK(json::parse(job.result).at("undo_removed_for_room")
          == json::array({oldest.view()}));
  }
  SECTION("none when there is room") {
    const auto job = w.run_to_end(restore_backup, w.body_of(1));
    CHECK(w.disk.trash.contains(oldest.to_string()));
    CHECK_FALSE(json::parse(job.result).contains("undo_removed_for_room"));
  }
  SECTION("for a download that shares the disk as well") {
    w.node.far = &w.far.places;
    w.far.offsite.wanted_part = 1 << 20;
    w.far_only(1);
    w.disk.device = w.backups.device = 7;
    w.disk.free_space = 3 << 19;
    CHECK(w.run_to_end(restore_backup, w.body_of(1)).state
          == job_state::succeeded);
    CHECK_FALSE(w.disk.trash.contains(oldest.to_string()));
    CHECK(w.disk.trash.contains(newest.to_string()));
  }
  SECTION("none when all of them would not do") {
    w.put_backup(1, 0, {{"big", std::string(4 << 20, 'x')}});
    w.disk.free_space = 1 << 19;
    CHECK(w.run_to_end(restore_backup, w.body_of(1)).state
          == job_state::failed);
    CHECK(w.disk.trash.contains(oldest.to_string()));
    CHECK_FALSE(w.store->replaced.at(oldest).tree.claimed);
  }
  SECTION("whole even when the restore is cancelled meanwhile") {
    w.disk.free_space = 1 << 19;
    w.cancel(restore_backup,
             w.go_on(restore_backup, w.must_ask(restore_backup, w.body_of(1)),
                     "preflight"));
    CHECK_FALSE(w.disk.trash.contains(oldest.to_string()));
    CHECK_FALSE(w.store->replaced.contains(oldest));
    CHECK_FALSE(w.store->replaced.at(newest).tree.claimed);
  }
}

TEST_CASE("a tree that was half removed for room is nobody's to take back",
          "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {{"big", std::string(1 << 20, 'x')}});
  const auto older = w.run_to_end(restore_backup, w.body_of(1));
  REQUIRE(older.state == job_state::succeeded);
  w.disk.trash.at(older.id.to_string()).bytes = 1 << 20;
  w.disk.free_space = 1 << 19;
  w.disk.fail_next("purge", {.code = fault_code::docker_refused, .what = "no"},
                   9);
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  REQUIRE(job.state == job_state::parked);
  w.must_commit(job, happened::abandoned{"no use"});
  const auto tree = w.records.find_replaced(older.id).value();
  REQUIRE(tree);
  CHECK_FALSE(tree->claimed);
  const auto refused =
      w.ask(undo_restore, json{{"restore", older.id.view()}}.dump());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::not_undoable);
}

TEST_CASE("a restore that put nothing aside offers no undo", "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {});
  const auto job = w.run_to_end(restore_backup, w.body_of(1, false));
  REQUIRE(job.state == job_state::succeeded);
  CHECK_FALSE(json::parse(job.result).contains("undo_until"));
  CHECK(w.store->replaced.empty());
}
