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
  w.disk.unpacked = 1 << 20;
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
  SECTION("by what it takes on the disk, which of small files is more") {
    w.put_backup(1, 0, {{"small", "x"}});
    const auto job = w.run_to_end(restore_backup, w.body_of(1, false));
    CHECK(job.state == job_state::failed);
    CHECK_THAT(job.error->what, Contains("1.0 MiB"));
  }
  SECTION("who is over it may be put back as he was") {
    w.disk.put(w.id, {.files = 3, .bytes = 5 << 20});
    w.disk.overlapping = 1 << 20;
    CHECK(w.run_to_end(restore_backup, w.body_of(1, false)).state
          == job_state::succeeded);
  }
}

TEST_CASE("a merge measures three trees, and is alive meanwhile", "[kinds]") {
  restore_world w;
  w.server.config = R"({"settings":{"build":{"disk_space":2}}})";
  REQUIRE(w.run_to_end(restore_backup, w.body_of(1, false)).state
          == job_state::succeeded);
  CHECK(std::ranges::count(w.reports, "measuring what the server has",
                           &progress::message)
        == 3);
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

namespace {

fake_archives::tree small_files(int number) {
  fake_archives::tree files;
  for (int i = 0; i < number; ++i)
    files.emplace(std::to_string(i), "x");
  return files;
}

} // namespace

TEST_CASE("many small files need more room than what is in them", "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, small_files(1'000));
  w.disk.free_space = 1 << 20;
  SECTION("a disk that has it takes them") {
    w.disk.free_space = 5 << 20;
    CHECK(w.run_to_end(restore_backup, w.body_of(1)).state
          == job_state::succeeded);
    return;
  }
  SECTION("one that has not is refused before the server stops") {
    w.disk.free_space = 1 << 20;
  }
  SECTION("and so is one without an inode for each") {
    w.disk.free_space = 5 << 20;
    w.disk.free_inodes = 999;
  }
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::no_room);
  CHECK(lines(w.docker.calls(), "stop") == 0);
  w.check_untouched();
}

TEST_CASE("a restore of small files stops in time, too", "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, small_files(20'000));
  auto job = w.go_on(restore_backup, w.must_ask(restore_backup, w.body_of(1)),
                     "extract");
  w.disk.free_space = w.disk.reserved.at(job.id);
  w.disk.taken_by_others = w.disk.free_space - 1;
  job = w.go_on(restore_backup, job);
  CHECK(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::no_room);
  CHECK_THAT(job.error->what, Contains("files were unpacked"));
  w.check_untouched();
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

TEST_CASE("a restore that put nothing aside offers no undo", "[kinds]") {
  restore_world w;
  w.put_backup(1, 0, {});
  const auto job = w.run_to_end(restore_backup, w.body_of(1, false));
  REQUIRE(job.state == job_state::succeeded);
  CHECK_FALSE(json::parse(job.result).contains("undo_until"));
  CHECK(w.store->replaced.empty());
}
