#include "tests/jobs/kinds/deleted_world.hpp"

using namespace alula::jobs;

TEST_CASE("a purge of left trash adopts it with its accept", "[kinds]") {
  deleted_world w;
  const auto draft = w.read(purge_trash, {}, false);
  REQUIRE(draft);
  CHECK(std::get<adopt_trash>(draft->changes.at(0)).deleted_by == w.subject);
  CHECK(draft->dedup_key == "trash.purge:" + w.subject.to_string());
}

TEST_CASE("a purge that failed is about the same files when it is tried again",
          "[kinds]") {
  deleted_world w;
  const auto failed = w.accept(purge_trash, {}, false);
  const auto files = std::exchange(w.subject, make_job_id(w.now));
  const auto draft = w.read(purge_trash, failed.input, false);
  REQUIRE(draft);
  CHECK(std::get<adopt_trash>(draft->changes.at(0)).deleted_by == files);
}

TEST_CASE("a purge of nothing in particular is refused", "[kinds]") {
  world w;
  const auto draft = w.read(purge_trash, {}, false);
  REQUIRE_FALSE(draft);
  CHECK(draft.error().code == fault_code::trash_not_found);
}

TEST_CASE("a purge of left trash ends it on the list and on the disk",
          "[kinds]") {
  deleted_world w;
  auto job = w.accept(purge_trash, {}, false);
  CHECK(only_change<begin_purge>(w.run(purge_trash, job, "take")).deleted_by
        == w.subject);
  CHECK(w.disk.trash.size() == 1);
  const auto outcome = w.run(purge_trash, job, "purge");
  CHECK(only_change<end_purge>(outcome).deleted_by == w.subject);
  CHECK(w.disk.trash.empty());
  done(w.run(purge_trash, job, "purge"));
}

TEST_CASE("a purge of left trash waits for files that an undelete has moved",
          "[kinds]") {
  deleted_world w;
  auto job = w.accept(purge_trash, {}, false);
  w.store->trash[w.subject].entry = {.deleted_by = w.subject, .server = w.id};
  REQUIRE(w.disk.reattach(w.subject.view(), w.id));
  const auto outcome = w.run(purge_trash, job, "take");
  REQUIRE(std::holds_alternative<step_waits>(outcome));
  CHECK(std::get<step_waits>(outcome).delay == std::chrono::minutes{1});
  SECTION("until they are back") {
    REQUIRE(w.disk.detach(w.id, w.subject.view()));
    only_change<begin_purge>(w.run(purge_trash, job, "take"));
  }
  SECTION("but not when a new server has them") {
    w.store->servers[13].record = {.row = 13, .uuid = w.id};
    w.store->live_server[w.id] = 13;
    only_change<begin_purge>(w.run(purge_trash, job, "take"));
  }
  SECTION("nor when they were being purged already") {
    w.store->trash[w.subject].entry.state = "purging";
    only_change<begin_purge>(w.run(purge_trash, job, "take"));
  }
}

TEST_CASE("a purge of left trash cannot be cancelled", "[kinds]") {
  deleted_world w;
  CHECK_FALSE(w.accept(purge_trash, {}, false).is_cancellable());
}

TEST_CASE("a delete that is given up leaves its files to a purge", "[kinds]") {
  CHECK(delete_server.finished_by == purge_trash.name);
  CHECK(purge_trash.finished_by == purge_trash.name);
  CHECK(purge_trash.is_apart);
}
