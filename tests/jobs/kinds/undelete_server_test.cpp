#include "tests/jobs/kinds/deleted_world.hpp"

using namespace alula::jobs;

TEST_CASE("undelete claims the trash with its accept", "[kinds]") {
  deleted_world w;
  const auto draft = w.read(undelete_server, {}, false);
  REQUIRE(draft);
  CHECK(std::get<claim_trash>(draft->changes.at(0)).deleted_by == w.subject);
}

TEST_CASE("undelete runs beside the delete that waits in the main lane",
          "[kinds]") {
  deleted_world w;
  CHECK(w.accept(undelete_server, {}, false).lane == "trash");
}

TEST_CASE("undelete brings the files and the server back", "[kinds]") {
  deleted_world w;
  auto job = w.accept(undelete_server, {}, false);
  done(w.run(undelete_server, job, "claim"));
  CHECK(only_change<restore_server>(w.run(undelete_server, job, "restore"))
            .deleted_by
        == w.subject);
  CHECK(w.disk.live.at(w.id).files == 3);
  CHECK(w.disk.trash.empty());
}

TEST_CASE("restoring twice, as after a crash, is the same as once", "[kinds]") {
  deleted_world w;
  auto job = w.accept(undelete_server, {}, false);
  done(w.run(undelete_server, job, "restore"));
  only_change<restore_server>(w.run(undelete_server, job, "restore"));
}

TEST_CASE("a volume in the way is never overwritten", "[kinds]") {
  deleted_world w;
  w.disk.put(w.id, {.files = 1, .bytes = 1});
  auto job = w.accept(undelete_server, {}, false);
  CHECK(failed(w.run(undelete_server, job, "restore")).code
        == fault_code::server_exists);
  done(w.undo(undelete_server, job, "restore"));
  CHECK(w.disk.live.at(w.id).files == 1);
  CHECK(w.disk.trash.contains(w.subject.view()));
  only_change<release_trash>(w.undo(undelete_server, job, "claim"));
}

TEST_CASE("an undelete that is taken back puts the files into the trash again",
          "[kinds]") {
  deleted_world w;
  auto job = w.accept(undelete_server, {}, false);
  done(w.run(undelete_server, job, "restore"));
  done(w.undo(undelete_server, job, "restore"));
  CHECK(w.disk.trash.contains(w.subject.view()));
  CHECK_FALSE(w.disk.live.contains(w.id));
}

TEST_CASE("an undelete that was given up leaves the files to another job",
          "[kinds]") {
  CHECK(undelete_server.finished_by == settle_undelete.name);
  CHECK(settle_undelete.finished_by == settle_undelete.name);
  CHECK(settle_undelete.is_apart); // from the delete that retains the files
}

TEST_CASE("files that a given-up undelete has moved go back into the trash",
          "[kinds]") {
  deleted_world w;
  const auto given_up = w.accept(undelete_server, {}, false);
  const bool had_moved = GENERATE(true, false);
  if (had_moved) {
    auto job = given_up;
    done(w.run(undelete_server, job, "restore"));
  } else {
    w.disk.put(w.id, {.files = 1, .bytes = 1}); // of somebody else
  }
  const auto draft = w.read(settle_undelete, given_up.input, false);
  REQUIRE(draft);
  CHECK(std::get<claim_trash>(draft->changes.at(0)).deleted_by == w.subject);
  auto job = w.accept(settle_undelete, given_up.input, false);
  done(w.run(settle_undelete, job, "put_back"));
  done(w.run(settle_undelete, job, "put_back"));
  CHECK(w.disk.trash.at(w.subject.to_string()).files == 3);
  CHECK(w.disk.live.contains(w.id) != had_moved);
  CHECK(only_change<release_trash>(w.run(settle_undelete, job, "release"))
            .deleted_by
        == w.subject);
  CHECK_FALSE(w.read(settle_undelete, "{}", false));
}
