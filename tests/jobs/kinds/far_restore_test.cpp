// Restores of archives that lie on other machines.
#include "tests/jobs/kinds/restore_world.hpp"

using namespace alula::jobs;
using Catch::Contains;
using json = nlohmann::json;

namespace {

struct link_world : restore_world {
  link_world() {
    node.far = &far.places;
    far.bucket.objects["there"] = {
        fake_archives::text_in(backups.published.at(backup(1)).file), "etag"};
    auto gone = store->backups.at(backup(1));
    gone.record.is_local = false;
    gone.record.places = {{std::string{panel_place}, "", "", 1, 1}};
    store->backups[backup(1)] = gone;
    backups.published.clear();
  }
  static std::string by_link(int number, std::string url) {
    return json{{"adapter", "s3"},
                {"backup", backup(number).view()},
                {"truncate_directory", true},
                {"download_url", std::move(url)}}
        .dump();
  }
};

} // namespace

TEST_CASE("a restore gets its archive from the link and leaves no file",
          "[kinds][far]") {
  link_world w;
  w.twice = GENERATE(false, true);
  const auto job =
      w.run_to_end(restore_backup, w.by_link(1, "http://store/there"));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.backups.extracted == fake_archives::tree{{"world/a", "old aaaa"}});
  CHECK(w.backups.fetched.empty());
  CHECK(w.backups.reserved.empty());
  CHECK(w.state_of_server() == server_state::active);
}

TEST_CASE("the link of a restore stands in no record of the job",
          "[kinds][far]") {
  link_world w;
  auto job =
      w.must_ask(restore_backup, w.by_link(1, "http://store/there?secret"));
  CHECK_THAT(job.input, !Contains("secret"));
  REQUIRE(w.store->transfers.size() == 1);
  w.cancel(restore_backup, job);
  CHECK(w.store->transfers.empty());
}

TEST_CASE("a download that is cut goes on where it was", "[kinds][far]") {
  link_world w;
  w.far.links.cut_after = 20;
  REQUIRE(w.run_to_end(restore_backup, w.by_link(1, "http://store/there")).state
          == job_state::succeeded);
  CHECK(w.far.bucket.count("get there 20") == 1);
  CHECK(w.backups.extracted.size() == 1);
}

TEST_CASE("without an ETag a download that is cut begins anew",
          "[kinds][far]") {
  link_world w;
  w.far.links.cut_after = 20;
  w.far.links.says_etag = false;
  REQUIRE(w.run_to_end(restore_backup, w.by_link(1, "http://store/there")).state
          == job_state::succeeded);
  CHECK(w.far.bucket.count("get there 0") == 2);
}

TEST_CASE("a store that sends more than it announced is not listened to",
          "[kinds][far]") {
  link_world w;
  w.far.links.says_size = 5;
  const auto job =
      w.run_to_end(restore_backup, w.by_link(1, "http://store/there"));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::store_refused);
  CHECK(w.backups.fetched.empty());
}

TEST_CASE("room is kept for a download whose size nobody says",
          "[kinds][far]") {
  link_world w;
  w.far.links.says_size = 0;
  SECTION("while there is some") {
    REQUIRE(
        w.run_to_end(restore_backup, w.by_link(1, "http://store/there")).state
        == job_state::succeeded);
  }
  SECTION("and no longer") {
    w.backups.disk_free = std::int64_t{200} << 20;
    const auto job =
        w.run_to_end(restore_backup, w.by_link(1, "http://store/there"));
    REQUIRE(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::no_room);
  }
  CHECK(w.backups.fetched.empty());
}

TEST_CASE("what comes instead of the backup is not restored", "[kinds][far]") {
  link_world w;
  w.far.bucket.objects["other"] = {"archive of nothing\x1eworld/a\x1e"
                                   "bad",
                                   "e"};
  const auto job =
      w.run_to_end(restore_backup, w.by_link(1, "http://store/other"));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::backup_damaged);
  CHECK(w.disk.live.at(w.id).files == 3);
  CHECK(w.backups.fetched.empty());
  CHECK(w.state_of_server() == server_state::active);
  // Of the backup itself nothing is known to be wrong.
  CHECK(w.record(1)->damage.empty());
}

TEST_CASE("a link that may not be asked ends the restore", "[kinds][far]") {
  link_world w;
  const auto job =
      w.run_to_end(restore_backup, w.by_link(1, "http://10.0.0.1/x"));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::link_refused);
  CHECK(w.runs());
}

TEST_CASE("a backup that this node has no record of is restored from a link",
          "[kinds][far]") {
  link_world w;
  w.store->backups.clear();
  REQUIRE(w.run_to_end(restore_backup, w.by_link(1, "http://store/there")).state
          == job_state::succeeded);
  CHECK(w.backups.extracted.size() == 1);
}

TEST_CASE("a download that does not fit is refused before the server stops",
          "[kinds][far]") {
  restore_world w;
  w.node.far = &w.far.places;
  w.backups.disk_free = w.far_only(1).facts.size - 1;
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::no_room);
  CHECK_THAT(job.error->what, Contains("needed"));
  CHECK(w.far.offsite.count("get") == 0);
  CHECK(w.backups.reserved.empty());
  CHECK(w.backups.fetched.empty());
  CHECK(lines(w.docker.calls(), "stop") == 0);
  w.check_untouched();
}

TEST_CASE("a download stops when others take its room", "[kinds][far]") {
  restore_world w;
  w.node.far = &w.far.places;
  w.put_backup(1, 0, {{"big", std::string(80 << 20, 'x')}});
  w.far.offsite.wanted_part = 64 << 20;
  w.far_only(1);
  w.far.offsite.before = [&](const std::string& call) -> status {
    if (call.starts_with("get"))
      w.backups.disk_free = 1 << 20;
    return {};
  };
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::no_room);
  CHECK(w.backups.fetched.empty());
  CHECK(w.backups.reserved.empty());
  w.check_untouched();
}

TEST_CASE("what is unpacked keeps its room while the archive is fetched",
          "[kinds][far]") {
  restore_world w;
  w.node.far = &w.far.places;
  const auto size = w.far_only(1).facts.size;
  auto job = w.go_on(restore_backup, w.must_ask(restore_backup, w.body_of(1)),
                     "fetch");
  CHECK(w.backups.reserved.at(job.id) == size);
  CHECK(w.disk.reserved.at(job.id) > 0);
  job = w.go_on(restore_backup, job, "stop");
  CHECK(w.backups.reserved.empty());
  CHECK(w.disk.reserved.at(job.id) > 0);
  w.go_on(restore_backup, job);
  CHECK(w.disk.reserved.empty());
}

TEST_CASE("an archive that only a store of ours has is fetched from there",
          "[kinds][far]") {
  restore_world w;
  w.node.far = &w.far.places;
  w.far_only(1);
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.backups.extracted == fake_archives::tree{{"world/a", "old aaaa"}});
  CHECK(w.backups.fetched.empty());
}

TEST_CASE("what a restore has fetched is checked in a hurry, a copy is not",
          "[kinds][far]") {
  restore_world w;
  w.node.far = &w.far.places;
  const auto copied_to = [&](const char* place) {
    const json copy{{"backup", w.backup(1).view()}, {"to", place}};
    return w.run_to_end(copy_backup, copy.dump()).state;
  };
  REQUIRE(copied_to("archive") == job_state::succeeded);
  w.far_only(1); // in two stores: each copy is checked when it was fetched
  w.backups.expected.clear();
  const auto all_are_for = [&](check_for whom, check_depth depth) {
    const auto& all = w.backups.expected;
    return all.size() == 2
           && std::ranges::count(all, whom, &archive_expectation::whom) == 2
           && std::ranges::count(all, depth, &archive_expectation::depth) == 2;
  };
  SECTION("a restore") {
    REQUIRE(w.run_to_end(restore_backup, w.body_of(1)).state
            == job_state::succeeded);
    CHECK(all_are_for(check_for::who_waits, check_depth::sum_of_ours));
  }
  SECTION("a copy") {
    REQUIRE(copied_to("local") == job_state::succeeded);
    CHECK(all_are_for(check_for::nobody, check_depth::whole));
  }
}

TEST_CASE("an archive that is damaged here is fetched from a store of ours",
          "[kinds][far]") {
  restore_world w;
  w.node.far = &w.far.places;
  const json copy{{"backup", w.backup(1).view()}, {"to", "offsite"}};
  REQUIRE(w.run_to_end(copy_backup, copy.dump()).state == job_state::succeeded);
  w.backups.published.at(w.backup(1)).is_damaged = true;
  w.store->backups.at(w.backup(1)).record.damage = "block 7";
  const auto job = w.run_to_end(restore_backup, w.body_of(1));
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.far.offsite.count("get") > 0);
  CHECK(w.backups.extracted == fake_archives::tree{{"world/a", "old aaaa"}});
  CHECK(w.backups.fetched.empty());
  CHECK(w.record(1)->damage == "block 7"); // what lies here still is
}
