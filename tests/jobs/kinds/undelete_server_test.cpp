#include "tests/jobs/kinds/world.hpp"

using namespace alula::jobs;

namespace {

constexpr auto& kind_of = undelete_server;

struct deleted_world : world {
  deleted_world() {
    subject = make_job_id(now);
    disk.trash[subject.to_string()] = {.files = 3, .bytes = 30};
  }
};

} // namespace

TEST_CASE("undelete claims the trash with its accept", "[kinds]") {
  deleted_world w;
  const auto draft = w.read(kind_of, {}, false);
  REQUIRE(draft);
  CHECK(std::get<claim_trash>(draft->changes.at(0)).deleted_by == w.subject);
}

TEST_CASE("undelete runs beside the delete that waits in the main lane",
          "[kinds]") {
  deleted_world w;
  CHECK(w.accept(kind_of, {}, false).lane == "trash");
}

TEST_CASE("undelete brings the files and the server back", "[kinds]") {
  deleted_world w;
  auto job = w.accept(kind_of, {}, false);
  done(w.run(kind_of, job, "claim"));
  CHECK(only_change<restore_server>(w.run(kind_of, job, "restore")).deleted_by
        == w.subject);
  CHECK(w.disk.live.at(w.id).files == 3);
  CHECK(w.disk.trash.empty());
}

TEST_CASE("restoring twice, as after a crash, is the same as once", "[kinds]") {
  deleted_world w;
  auto job = w.accept(kind_of, {}, false);
  done(w.run(kind_of, job, "restore"));
  only_change<restore_server>(w.run(kind_of, job, "restore"));
}

TEST_CASE("a volume in the way is never overwritten", "[kinds]") {
  deleted_world w;
  w.disk.put(w.id, {.files = 1, .bytes = 1});
  auto job = w.accept(kind_of, {}, false);
  CHECK(failed(w.run(kind_of, job, "restore")).code
        == fault_code::server_exists);
  done(w.undo(kind_of, job, "restore"));
  CHECK(w.disk.live.at(w.id).files == 1);
  CHECK(w.disk.trash.contains(w.subject.view()));
  only_change<release_trash>(w.undo(kind_of, job, "claim"));
}

TEST_CASE("an undelete that is taken back puts the files into the trash again",
          "[kinds]") {
  deleted_world w;
  auto job = w.accept(kind_of, {}, false);
  done(w.run(kind_of, job, "restore"));
  done(w.undo(kind_of, job, "restore"));
  CHECK(w.disk.trash.contains(w.subject.view()));
  CHECK_FALSE(w.disk.live.contains(w.id));
}
