// Copies of backups in stores of ours, and how they are read and removed.
#include "tests/jobs/kinds/far_world.hpp"

using namespace alula::jobs;
using Catch::Contains;
using json = nlohmann::json;

TEST_CASE("a copy goes from the disk to a store, and on to another one",
          "[kinds][far]") {
  far_world w;
  w.put_backup(1, 1);
  w.twice = GENERATE(false, true);
  REQUIRE(w.run_to_end(copy_backup, w.copy_to(1, "offsite")).state
          == job_state::succeeded);
  const auto bytes = w.archive_of(1);
  CHECK(w.far.offsite.objects.at(w.key(1)).bytes == bytes);
  REQUIRE(w.run_to_end(drop_copy, w.dropped_from(1, "local")).state
          == job_state::succeeded);
  REQUIRE(w.run_to_end(copy_backup, w.copy_to(1, "archive")).state
          == job_state::succeeded);
  CHECK(w.far.other.objects.at(w.key(1)).bytes == bytes);
  CHECK_FALSE(w.record(1)->is_local);
  CHECK(w.record(1)->places.size() == 2);
  CHECK(w.backups.fetched.empty());
}

TEST_CASE("an archive that is known to be damaged is copied nowhere",
          "[kinds][far]") {
  far_world w;
  const auto damage = [&] {
    w.store->backups.at(w.backup(1)).record.damage = "a byte is another one";
  };
  const auto copied = [&](const std::string& to) {
    return w.run_to_end(copy_backup, w.copy_to(1, to));
  };
  SECTION("when it is the only copy") {
    w.put_backup(1, 1);
    damage();
    const auto job = copied("offsite");
    REQUIRE(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::backup_damaged);
    CHECK_THAT(job.error->what, Contains("a byte is another one"));
    CHECK(w.far.offsite.objects.empty());
    CHECK(w.record(1)->places.empty());
  }
  SECTION("when a store has a good one, which is copied on") {
    w.put_copy(1);
    damage();
    REQUIRE(copied("archive").state == job_state::succeeded);
    CHECK(w.far.other.objects.at(w.key(1)).bytes
          == w.far.offsite.objects.at(w.key(1)).bytes);
    CHECK(w.record(1)->places.size() == 2);
    CHECK(w.backups.fetched.empty());
  }
  SECTION("when it is found on the way") {
    w.put_backup(1, 1);
    // Before it is sent, or when it was.
    const std::string step = GENERATE("send", "settle");
    const auto job = w.go_on(
        copy_backup, w.must_ask(copy_backup, w.copy_to(1, "offsite")), step);
    w.store->backups.at(w.backup(1)).record.places = {
        {"archive", w.key(1), "", 1, 1}};
    damage();
    CHECK(w.go_on(copy_backup, job).state == job_state::failed);
    CHECK(w.far.offsite.objects.empty());
    CHECK_FALSE(w.record(1)->find_place("offsite"));
  }
  SECTION("and is not taken for a copy that is there") {
    w.put_copy(1);
    damage();
    const auto job = copied("local");
    REQUIRE(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::backup_damaged);
    REQUIRE(w.run_to_end(drop_copy, w.dropped_from(1, "local")).state
            == job_state::succeeded);
    REQUIRE(copied("local").state == job_state::succeeded);
    CHECK(w.record(1)->damage.empty());
  }
}

TEST_CASE("the last good copy is not dropped for a damaged one",
          "[kinds][far]") {
  far_world w;
  w.put_copy(1);
  w.store->backups.at(w.backup(1)).record.damage = "a byte is another one";
  const auto job = w.run_to_end(drop_copy, w.dropped_from(1, "offsite"));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::validation);
  CHECK(w.far.offsite.objects.contains(w.key(1)));
  CHECK(w.record(1)->places.size() == 1);
}

TEST_CASE("a copy in a store that is known to be damaged is no other one",
          "[kinds][far]") {
  far_world w;
  w.put_copy(1);
  w.run_to_end(copy_backup, w.copy_to(1, "archive"));
  w.run_to_end(drop_copy, w.dropped_from(1, "local"));
  SECTION("by a verification of it") {
    w.far.offsite.objects.at(w.key(1)).bytes.back() ^= 1;
    for (const auto* place : {"offsite", "archive"})
      w.run_to_end(
          verify_backup,
          json{{"backup", w.backup(1).view()}, {"place", place}}.dump());
  }
  SECTION("in the words of an older rotation") {
    w.store->backups.at(w.backup(1)).record.damage =
        "store offsite does not have the archive";
  }
  REQUIRE(w.record(1)->damaged_place() == "offsite");
  const auto job = w.run_to_end(drop_copy, w.dropped_from(1, "archive"));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::validation);
  CHECK(w.far.other.objects.contains(w.key(1)));
  // The bad one may go.
  CHECK(w.run_to_end(drop_copy, w.dropped_from(1, "offsite")).state
        == job_state::succeeded);
}

TEST_CASE("a copy comes back to the disk, read from end to end",
          "[kinds][far]") {
  far_world w;
  w.put_copy(1, 1, true);
  SECTION("whole") {
    w.twice = GENERATE(false, true);
    REQUIRE(w.run_to_end(copy_backup, w.copy_to(1, "local")).state
            == job_state::succeeded);
    CHECK(w.record(1)->is_local);
    CHECK(w.archive_of(1) == w.far.offsite.objects.at(w.key(1)).bytes);
  }
  SECTION("without keeping room for what is there") {
    const auto job = w.go_on(
        copy_backup, w.must_ask(copy_backup, w.copy_to(1, "local")), "send");
    CHECK_FALSE(w.backups.fetched.empty());
    CHECK(w.backups.reserved.empty());
    w.cancel(copy_backup, job);
  }
  SECTION("damaged") {
    w.far.offsite.objects.at(w.key(1)).bytes.back() ^= 1;
    const auto job = w.run_to_end(copy_backup, w.copy_to(1, "local"));
    REQUIRE(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::backup_damaged);
    CHECK_FALSE(w.record(1)->is_local);
    CHECK(w.backups.fetched.empty());
  }
}

TEST_CASE("a copy that comes back is not damaged as the one before it was",
          "[kinds][far]") {
  far_world w;
  w.put_copy(1);
  w.twice = GENERATE(false, true);
  auto& row = w.store->backups.at(w.backup(1)).record;
  row.damage = "a byte is another one";
  row.lost_at = 7;
  w.backups.published.erase(w.backup(1));
  REQUIRE(w.run_to_end(copy_backup, w.copy_to(1, "local")).state
          == job_state::succeeded);
  CHECK(w.record(1)->is_local);
  CHECK(w.record(1)->lost_at == 0);
  CHECK(w.record(1)->damage.empty());
  CHECK(w.record(1)->verified_at != 0);
}

TEST_CASE("a copy is fetched from the store that answers", "[kinds][far]") {
  far_world w;
  w.put_backup(1, 1);
  w.run_to_end(copy_backup, w.copy_to(1, "archive"));
  w.run_to_end(copy_backup, w.copy_to(1, "offsite"));
  w.run_to_end(drop_copy, w.dropped_from(1, "local"));
  SECTION("one is away") {
    w.is_away(w.far.other);
  }
  SECTION("one has lost it") {
    w.far.other.objects.clear();
  }
  SECTION("one has something else") {
    w.far.other.objects.at(w.key(1)).bytes.back() ^= 1;
  }
  SECTION("one is in the configuration no more") {
    w.far.stores.all.erase("archive");
  }
  REQUIRE(w.run_to_end(copy_backup, w.copy_to(1, "local")).state
          == job_state::succeeded);
  CHECK(w.archive_of(1) == w.far.offsite.objects.at(w.key(1)).bytes);
}

TEST_CASE("a copy in a store is read there, without one here", "[kinds][far]") {
  far_world w;
  const bool is_only_one = GENERATE(false, true);
  w.put_copy(1, 1, is_only_one);
  const auto verify = [&](const std::string& place) {
    json body{{"backup", w.backup(1).view()}};
    if (!place.empty())
      body["place"] = place;
    return w.run_to_end(verify_backup, body.dump());
  };
  auto& there = w.far.offsite.objects.at(w.key(1)).bytes;
  const std::string place = is_only_one ? "" : "offsite";
  SECTION("whole, over a connection that is cut") {
    bool was_cut = false;
    w.far.offsite.after = [&](const std::string& call) -> status {
      return call.starts_with("get") && !std::exchange(was_cut, true)
                 ? status{fake_object_store::away()}
                 : status{};
    };
    REQUIRE(verify(place).state == job_state::succeeded);
    CHECK(w.backups.fetched.empty());
    CHECK((w.record(1)->verified_at != 0) == is_only_one);
  }
  SECTION("damaged") {
    there.back() ^= 1;
    const auto job = verify(place);
    REQUIRE(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::backup_damaged);
    CHECK_THAT(job.error->what, Contains("offsite"));
    CHECK(w.record(1)->damage.empty() != is_only_one);
  }
  SECTION("gone") {
    w.far.offsite.objects.clear();
    const auto job = verify(place);
    REQUIRE(job.state == job_state::failed);
    CHECK(job.error->code == fault_code::backup_damaged);
    CHECK(w.record(1)->lost_at == 0);
  }
  if (!is_only_one)
    CHECK(verify("").state == job_state::succeeded);
}

TEST_CASE("what only the Panel can read is not verified, and not lost by it",
          "[kinds][far]") {
  far_world w;
  w.put_backup(1, 1);
  w.leave_to_panel(1);
  const auto job = w.run_to_end(verify_backup, w.about(1));
  REQUIRE(job.state == job_state::failed);
  CHECK(job.error->code == fault_code::backup_lost);
  CHECK(w.record(1)->lost_at == 0);
}

TEST_CASE("the last copy is not dropped", "[kinds][far]") {
  far_world w;
  w.put_backup(1, 1);
  const auto job = w.run_to_end(drop_copy, w.dropped_from(1, "local"));
  CHECK(job.error->code == fault_code::validation);
  CHECK(w.backups.is_published(w.backup(1)));
}

TEST_CASE("a copy in a store that is away is dropped now and removed later",
          "[kinds][far]") {
  far_world w;
  w.put_copy(1);
  w.is_away(w.far.offsite);
  REQUIRE(w.run_to_end(drop_copy, w.dropped_from(1, "offsite")).state
          == job_state::succeeded);
  CHECK(w.record(1)->places.empty());
  REQUIRE(w.store->remains.size() == 1);
  CHECK(w.far.offsite.objects.contains(w.key(1)));
  w.is_away(w.far.offsite, false);
  w.run_to_end(clean_store,
               json{{"row", w.store->remains.begin()->first},
                    {"backup", w.backup(1).view()}}
                   .dump(),
               false);
  CHECK(w.store->remains.empty());
  CHECK(w.far.offsite.objects.empty());
}

TEST_CASE("a rotation removes nothing while a store is away, and waits for "
          "none",
          "[kinds][far]") {
  far_world w;
  w.put_backup(1, 1);
  w.put_copy(2, 2, true);
  w.put_backup(3, 3);
  w.is_away(w.far.offsite);
  const auto body = json{{"policy", {{"keep_last", 2}}}}.dump();
  const auto job = w.run_to_end(rotate_backups, body);
  REQUIRE(job.state == job_state::succeeded);
  CHECK(json::parse(job.result).contains("nothing_removed_because"));
  CHECK(w.record(1));
  w.is_away(w.far.offsite, false);
  CHECK(w.run_to_end(rotate_backups, body).state == job_state::succeeded);
  CHECK_FALSE(w.record(1));
}

TEST_CASE("a rotation leaves a good copy of what is lost or damaged here",
          "[kinds][far]") {
  far_world w;
  for (int i = 1; i <= 4; ++i)
    w.put_copy(i, w.now - 1'000 * (10 - i));
  w.twice = GENERATE(false, true);
  w.store->backups.at(w.backup(1)).record.damage = "block 7";
  w.backups.published.erase(w.backup(3));
  const auto job =
      w.run_to_end(rotate_backups, R"({"policy":{"keep_last":2}})");
  REQUIRE(job.state == job_state::succeeded);
  CHECK(w.record(1));
  CHECK(w.far.offsite.objects.contains(w.key(1)));
  CHECK_FALSE(w.record(2));
  CHECK(w.record(3)->lost_at == 0);
  CHECK_FALSE(w.record(3)->is_local);
  CHECK(w.record(4));
}

TEST_CASE("a scan knows that a store has what is lost here", "[kinds][far]") {
  far_world w;
  w.put_copy(1);
  w.backups.published.erase(w.backup(1));
  w.store->backups.at(w.backup(1)).record.lost_at = 7;
  w.run_to_end(scan_backups, {}, false);
  CHECK(w.record(1)->lost_at == 0);
  CHECK_FALSE(w.record(1)->is_local);
}

TEST_CASE("a delete removes every copy", "[kinds][far]") {
  far_world w;
  w.put_copy(1);
  const auto body = w.about(1);
  SECTION("now") {
    w.twice = GENERATE(false, true);
    REQUIRE(w.run_to_end(delete_backup, body).state == job_state::succeeded);
    CHECK(w.far.offsite.objects.empty());
    CHECK(w.store->remains.empty());
  }
  SECTION("later, when the store does not answer") {
    w.is_away(w.far.offsite);
    REQUIRE(w.run_to_end(delete_backup, body).state == job_state::succeeded);
    CHECK(w.store->remains.size() == 1);
  }
  CHECK_FALSE(w.record(1));
}

TEST_CASE("rotation removes copies and leaves what the Panel has",
          "[kinds][far]") {
  far_world w;
  for (int i = 1; i <= 3; ++i)
    w.put_copy(i, w.now - 1'000 * (10 - i));
  w.leave_to_panel(1);
  const auto job =
      w.run_to_end(rotate_backups, R"({"policy":{"keep_last":1}})");
  REQUIRE(job.state == job_state::succeeded);
  REQUIRE(w.record(1));
  CHECK(w.record(1)->lost_at == 0);
  CHECK_FALSE(w.record(2));
  CHECK(w.record(3));
  CHECK_FALSE(w.far.offsite.objects.contains(w.key(2)));
  CHECK(w.far.offsite.objects.contains(w.key(3)));
}

TEST_CASE("a rotation takes nothing for lost that the Panel has",
          "[kinds][far]") {
  far_world w;
  w.put_backup(1, 1);
  w.put_backup(2, 2);
  w.leave_to_panel(1);
  auto& row = w.store->backups.at(w.backup(1)).record;
  row.is_local = row.is_scratch = true; // its file has gone by itself
  REQUIRE(w.run_to_end(rotate_backups, R"({"policy":{"keep_last":1}})").state
          == job_state::succeeded);
  CHECK(w.record(1)->lost_at == 0);
  CHECK_FALSE(w.record(1)->is_local);
  CHECK(w.record(2));
}

TEST_CASE("a scan takes back that a backup is lost which the Panel has",
          "[kinds][far]") {
  far_world w;
  w.put_backup(1, 1);
  w.leave_to_panel(1);
  w.store->backups.at(w.backup(1)).record.lost_at = 7; // of an older release
  const auto job = w.run_to_end(scan_backups, {}, false);
  CHECK(json::parse(job.result).at("lost") == 0);
  CHECK(w.record(1)->lost_at == 0);
  CHECK_FALSE(w.record(1)->is_local);
  CHECK(w.record(1)->find_place(panel_place));
}
