// What has to be there still before a copy of a backup goes.
#include "tests/jobs/kinds/far_world.hpp"

using namespace alula::jobs;
using Catch::Contains;

namespace {

/// Of backup 1.
struct dropping_world : far_world {
  dropping_world() { put_copy(1); }
  job_record drop(const std::string& place) {
    return run_to_end(drop_copy, dropped_from(1, place));
  }
  void check_refused(const job_record& job) {
    REQUIRE(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::validation);
    CHECK_THAT(job.error->what, Contains("no other one was found"));
  }
};

} // namespace

TEST_CASE("the archive here goes only while a store says that it has it",
          "[kinds][far]") {
  dropping_world w;
  SECTION("a rule of its bucket has removed it") {
    w.far.offsite.objects.clear();
  }
  SECTION("it has something else there") {
    w.far.offsite.objects.at(w.key(1)).bytes += "more";
  }
  SECTION("it does not answer") {
    w.is_away(w.far.offsite);
  }
  SECTION("it is in the configuration no more") {
    w.far.stores.all.erase("offsite");
  }
  w.check_refused(w.drop("local"));
  CHECK(w.backups.is_published(w.backup(1)));
  CHECK(w.record(1)->is_local);
  CHECK(w.record(1)->find_place("offsite"));
}

TEST_CASE("a drop that is refused as a store is away waits for nothing, and is "
          "told why",
          "[kinds][far]") {
  dropping_world w;
  w.is_away(w.far.offsite);
  const auto before = w.now;
  const auto job = w.drop("local");
  CHECK(w.now == before);
  CHECK_THAT(job.error->what, Contains(fake_object_store::away().what));
  w.is_away(w.far.offsite, false);
  CHECK(w.drop("local").state == job_state::succeeded);
}

TEST_CASE("one store that has it is enough for the archive here to go",
          "[kinds][far]") {
  dropping_world w;
  w.run_to_end(copy_backup, w.copy_to(1, "archive"));
  SECTION("the first has lost it") {
    w.far.other.objects.clear();
  }
  SECTION("the first does not answer") {
    w.is_away(w.far.other);
  }
  SECTION("the second has lost it") {
    w.far.offsite.objects.clear();
  }
  REQUIRE(w.drop("local").state == job_state::succeeded);
  CHECK_FALSE(w.backups.is_published(w.backup(1)));
}

TEST_CASE("a copy in a store goes only while another one is found",
          "[kinds][far]") {
  dropping_world w;
  SECTION("the archive here is gone") {
    w.backups.published.erase(w.backup(1));
  }
  SECTION("the archive here was cut off") {
    --w.backups.published.at(w.backup(1)).facts.size;
  }
  w.check_refused(w.drop("offsite"));
  CHECK(w.far.offsite.objects.contains(w.key(1)));
  // In a third place there is one.
  w.far.other.objects = w.far.offsite.objects;
  REQUIRE(w.store->amend({record_place{w.backup(1), "archive", w.key(1), "",
                                       w.record(1)->facts.size}},
                         w.now));
  CHECK(w.drop("offsite").state == job_state::succeeded);
}

TEST_CASE("what the Panel says it does not have is no other copy",
          "[kinds][far]") {
  far_world w;
  w.run_to_end(create_backup, w.for_panel(1));
  w.take_report();
  REQUIRE(w.store->amend(
      {note_panel_word{w.backup(1), note_panel_word::word::has_not}}, w.now));
  const auto job = w.run_to_end(drop_copy, w.dropped_from(1, "local"));
  CHECK(job.state == job_state::failed);
  CHECK(w.backups.is_published(w.backup(1)));
}
