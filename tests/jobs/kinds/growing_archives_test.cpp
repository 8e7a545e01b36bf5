// Archives that somebody still copied into the backup directory when they were
// seen there: what jobs that come later take them for.
#include "tests/jobs/kinds/far_world.hpp"
#include "tests/jobs/kinds/restore_world.hpp"

using namespace alula::jobs;
using json = nlohmann::json;

namespace {

constexpr int number = 7;

void take_on_record(backup_world& w) {
  const auto file = w.backups.inspect(w.backup(number)).value();
  REQUIRE(file);
  REQUIRE(w.store->amend({record_found_backup{*file}}, w.now));
}

/// On record as it was when it was seen, and nobody has read it.
void see(backup_world& w) {
  w.backups.put(w.backup(number), {}, {{"a", "b"}});
  take_on_record(w);
}

/// `by`: whose backup alula has made of it; by another program without.
archive_facts grow(backup_world& w, const server_id& by = {}) {
  w.backups.now += 1'000;
  auto whole = w.backups.put(w.backup(number), by, {{"a", "longer than b"}});
  REQUIRE(w.record(number)->facts.size != whole.size);
  return whole;
}

/// For good: no later look takes it for another one.
void check_on_record(backup_world& w, const archive_facts& whole) {
  const auto check = [&] {
    CHECK(w.record(number)->facts.size == whole.size);
    CHECK(w.record(number)->facts.sha256 == whole.sha256);
    CHECK(w.record(number)->damage.empty());
  };
  check();
  CHECK(w.run_to_end(verify_backup, far_world::about(number)).state
        == job_state::succeeded);
  w.run_to_end(scan_backups, {}, false);
  check();
}

} // namespace

TEST_CASE("an index takes the archive on record as it is by then", "[kinds]") {
  backup_world w;
  see(w);
  w.twice = GENERATE(false, true);
  const auto job = w.must_ask(index_backup, far_world::about(number));
  const auto whole = grow(w);
  REQUIRE(w.go_on(index_backup, job).state == job_state::succeeded);
  CHECK(w.record(number)->has_manifest);
  CHECK(w.record(number)->completed_at == w.backups.now);
  check_on_record(w, whole);
}

TEST_CASE("an archive that is written to while it is indexed gets its manifest "
          "later",
          "[kinds]") {
  backup_world w;
  see(w);
  archive_facts whole;
  int looks = 0; // before it is read, and after
  w.backups.before_inspect = [&] {
    if (++looks == 2)
      whole = grow(w);
  };
  const auto job = w.run_to_end(index_backup, far_world::about(number));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::no_manifest);
  CHECK_FALSE(w.record(number)->has_manifest);
  CHECK(w.record(number)->facts.sha256.empty());
  REQUIRE(w.run_to_end(index_backup, far_world::about(number)).state
          == job_state::succeeded);
  CHECK(w.record(number)->has_manifest);
  check_on_record(w, whole);
}

TEST_CASE("an archive that goes while it is indexed has no manifest",
          "[kinds]") {
  backup_world w;
  see(w);
  int looks = 0;
  w.backups.before_inspect = [&] {
    if (++looks == 2)
      w.backups.published.clear();
  };
  const auto job = w.run_to_end(index_backup, far_world::about(number));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::backup_not_found);
  CHECK_FALSE(w.record(number)->has_manifest);
}

TEST_CASE("an archive that has grown since it was seen verifies as it is",
          "[kinds]") {
  backup_world w;
  see(w);
  SECTION("when a part of it was there") {}
  SECTION("when nothing of it was") {
    w.store->backups.at(w.backup(number)).record.facts.size = 0;
  }
  const auto job = w.must_ask(verify_backup, far_world::about(number));
  const auto whole = grow(w);
  CHECK(w.go_on(verify_backup, job).state == job_state::succeeded);
  CHECK(w.record(number)->verified_at != 0);
  check_on_record(w, whole);
}

TEST_CASE("an archive that has grown since it was seen is restored",
          "[kinds]") {
  restore_world w;
  see(w);
  const auto job = w.must_ask(restore_backup, w.body_of(number));
  const bool is_ours = GENERATE(false, true);
  const auto whole = grow(w, is_ours ? w.id : server_id{});
  CHECK(w.go_on(restore_backup, job).state == job_state::succeeded);
  CHECK(w.backups.extracted.at("a") == "longer than b");
  check_on_record(w, whole);
}

TEST_CASE("an archive that has grown since it was seen is copied whole",
          "[kinds][far]") {
  far_world w;
  see(w);
  const auto job = w.must_ask(copy_backup, w.copy_to(number, "offsite"));
  const auto whole = grow(w);
  REQUIRE(w.go_on(copy_backup, job).state == job_state::succeeded);
  CHECK(w.far.offsite.objects.at(w.key(number)).bytes == w.archive_of(number));
  CHECK(w.record(number)->facts.size == whole.size);
  CHECK(w.record(number)->find_place("offsite")->size == whole.size);
}

TEST_CASE("half an archive is no copy of it", "[kinds][far]") {
  far_world w;
  see(w);
  const auto job =
      w.go_on(copy_backup,
              w.must_ask(copy_backup, w.copy_to(number, "offsite")), "settle");
  const auto whole = grow(w);
  SECTION("as the disk says") {}
  SECTION("as the record says, which was renewed meanwhile") {
    take_on_record(w);
  }
  const auto ended = w.go_on(copy_backup, job);
  REQUIRE(ended.state == job_state::failed);
  CHECK(ended.error->code == fault_code::backup_damaged);
  CHECK(w.far.offsite.objects.empty());
  CHECK(w.record(number)->places.empty());
  REQUIRE(w.run_to_end(copy_backup, w.copy_to(number, "offsite")).state
          == job_state::succeeded);
  CHECK(w.record(number)->find_place("offsite")->size == whole.size);
}
